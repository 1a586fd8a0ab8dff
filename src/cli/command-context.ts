import type { Database } from "../lsm/database.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly db: string;
  readonly json: boolean;
  readonly hex: boolean;
  readonly sync: boolean;
  readonly verify: boolean;
  readonly readOnly: boolean;
}

/** What a command runs in. */
export interface CommandContext {
  readonly options: GlobalOptions;
  /** Opens the store, runs the work, closes it; the exit code. */
  withStore(mode: "look" | "change" | "create", work: (db: Database) => number | void): number;
}

/** Runs what a command does in its context. */
export type Run = (action: (context: CommandContext) => number | void) => void;
