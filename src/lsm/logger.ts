/**
 * Where the engine tells what a user should know but no call can return. It is told at the end of a call, when the store is at
 * rest, so it may use any store. What a logger throws is ignored.
 */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
