// A process that opens a store: `opener-main.js hold|write|read DIRECTORY`. It prints one JSON line with what came of it;
// `hold` then keeps the store open until it is killed.

import { open, TinyKVError } from "tinykv";

export interface Opened {
  readonly pid: number;
  readonly code?: string;
  /** The errno name of the cause. */
  readonly errno?: string;
  readonly message?: string;
  readonly entries?: number;
}

function attempt(role: string, directory: string): Opened {
  const { pid } = process;
  try {
    const db = open(directory, { readOnly: role === "read" });
    const entries = [...db.iterate()].length;
    if (role === "hold") setInterval(() => db.has("alive"), 60_000);
    else db.close();
    return { pid, entries };
  } catch (error) {
    if (!(error instanceof TinyKVError)) throw error;
    const errno = (error.cause as NodeJS.ErrnoException | undefined)?.code;
    return { pid, code: error.code, message: error.message, ...(errno !== undefined && { errno }) };
  }
}

const [, , role = "", directory = ""] = process.argv;
process.stdout.write(`${JSON.stringify(attempt(role, directory))}\n`);
