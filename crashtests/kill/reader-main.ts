// A process that only reads, beside the one that is killed: for each byte on standard input it opens the store, scans it
// twice and tells on fd 3 what it saw. Two scans of one open store are of one moment, whatever the writer does meanwhile.
// It waits in system calls: streams and an event loop would take as long to load as a look takes.

import { readSync, writeSync } from "node:fs";
import { entriesOf, summarise, TinyKVEngine, type RecoveredSummary } from "tinykv/harness";
import { beginProgram } from "./program.ts";
import { EXIT_HARNESS, RECORDS_FD } from "./records.ts";

/** What one open showed; a store that could not be opened, or read, says why. */
export type Sight =
  | { readonly first: RecoveredSummary; readonly second: RecoveredSummary }
  | { readonly code: string; readonly message: string };

const STDIN_FD = 0;
/** Between the two scans: time for a writer to flush, compact and remove files. */
const PAUSE_MILLISECONDS = 5;

function look(directory: string, config: string): Sight {
  try {
    const store = new TinyKVEngine().open(directory, config, { readOnly: true, create: false });
    try {
      const first = summarise(entriesOf(store));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MILLISECONDS);
      return { first, second: summarise(entriesOf(store)) };
    } finally {
      store.close();
    }
  } catch (error) {
    const { code } = error as { code?: unknown };
    return { code: String(code), message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function serve(directory: string, config: string): void {
  const ask = Buffer.alloc(1);
  while (readSync(STDIN_FD, ask) > 0) {
    const line = Buffer.from(`${JSON.stringify(look(directory, config))}\n`);
    if (writeSync(RECORDS_FD, line) !== line.length) process.exit(EXIT_HARNESS);
  }
}

beginProgram(([directory, config]) => serve(directory!, config!));
