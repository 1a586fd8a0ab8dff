// Runs the built command line, as a user would.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open, type Database } from "../lsm/database.ts";
import type { Options } from "../lsm/options.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

/** No command of these tests prints more. */
const OUTPUT_BYTES_MOST = 16 << 20;

export interface Ran {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** `tinykv ...args`; standard output is read as latin1, so that no byte is lost. */
export function tinykv(args: readonly string[], { input = "", env = {}, cwd }: RunOptions = {}): Ran {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [MAIN, ...args], {
    input,
    maxBuffer: OUTPUT_BYTES_MOST,
    // An extra certificate file costs every start of Node thirty milliseconds.
    env: { ...process.env, NODE_EXTRA_CA_CERTS: "", ...env },
    ...(cwd !== undefined && { cwd }),
  });
  if (error) throw error;
  return { code: status ?? undefined, stdout: stdout.toString("latin1"), stderr: stderr.toString() };
}

/** A directory for a test file; `remove` takes it away. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "tinykv-cli-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Opens a store without a process of its own, for what a command is to find or has left. */
export function inStore<T>(directory: string, use: (db: Database) => T, options: Options = {}): T {
  const db = open(directory, options);
  try {
    return use(db);
  } finally {
    db.close();
  }
}

/** What a store holds, as text in latin1. */
export function contents(directory: string): Record<string, string> {
  return inStore(
    directory,
    (db) =>
      Object.fromEntries([...db.iterate()].map(([key, value]) => [key.toString("latin1"), value.toString("latin1")])),
    { readOnly: true },
  );
}

/** The JSON objects of an output, one a line. */
export function jsonLines(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
}
