// What children say: one JSON object a line, by blocking writes to descriptor 3, a pipe that nothing else touches.

import { writeSync } from "node:fs";
import type { Stats } from "tinykv";

export const MESSAGES_FD = 3;

/** What a child does. */
export type Role = "load" | "check" | "repair";

export type Message =
  /** A batch was written; `written` entries so far. */
  | { readonly kind: "acknowledged"; readonly written: number }
  /** The last thing a loading child says before its last batch is acknowledged. */
  | { readonly kind: "loaded"; readonly stats: Stats; readonly peakKiB: number }
  | { readonly kind: "phase"; readonly name: string; readonly seconds: number }
  | { readonly kind: "checked"; readonly before: LevelZero; readonly after: LevelZero; readonly peakKiB: number }
  /** `doubtful` tables had been cut short by the kill. */
  | { readonly kind: "repaired"; readonly doubtful: number; readonly peakKiB: number };

/** Tables in level 0, and bytes in tables altogether. */
export interface LevelZero {
  readonly tables: number;
  readonly bytes: number;
}

export function say(message: Message): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let done = 0; done < line.length;) done += writeSync(MESSAGES_FD, line, done);
}

/** The most memory that this process ever held, in KiB. */
export function peakKiB(): number {
  return process.resourceUsage().maxRSS;
}
