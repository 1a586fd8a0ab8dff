/** Where the engine tells what a user should know but no call can return. What a logger throws is ignored. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}
