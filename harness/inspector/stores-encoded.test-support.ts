// Encoded stores where engines find them.

import { open, type Database, type Options, type VerifyReport } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { ContentStore, makeImage, type Image } from "../disk/image.ts";
import { ROOT } from "./stores.test-support.ts";

export type StoreFiles = ReadonlyMap<string, Uint8Array>;

export function imageOfFiles(files: StoreFiles): Image {
  const contents = new ContentStore();
  const directories = new Set(["/d", ROOT]);
  for (const name of files.keys()) if (name.startsWith("lost/")) directories.add(`${ROOT}/lost`);
  return makeImage(
    [...files].map(([name, bytes]) => [`${ROOT}/${name}`, contents.of(bytes)]),
    directories,
  );
}

/** The files in a memory of their own. */
export function envOf(files: StoreFiles): MemoryEnv {
  const env = new MemoryEnv();
  env.makeDirectory("/d");
  env.makeDirectory(ROOT);
  for (const [name, bytes] of files) {
    if (name.startsWith("lost/") && !env.readDirectory(ROOT).includes("lost")) env.makeDirectory(`${ROOT}/lost`);
    const file = env.open(`${ROOT}/${name}`, "wx");
    for (let at = 0; at < bytes.length;) at += file.write(bytes.subarray(at), at);
    file.close();
  }
  return env;
}

export function openFiles(files: StoreFiles, options: Options = {}): Database {
  return open(ROOT, { background: "manual", createIfMissing: false, ...options, env: envOf(files) });
}

/** What the engine says: the code of an open that is refused, or what verify() finds. */
export function verdictOf(files: StoreFiles, options: Options = {}): string | VerifyReport {
  let db: Database;
  try {
    db = openFiles(files, options);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== "string" || !code.startsWith("TINYKV_")) throw error;
    return `${code} ${(error as Error).message}`;
  }
  const report = db.verify();
  db.close();
  return report;
}

/** A file that the engine blames, and for what. */
export interface Blame {
  readonly file: string;
  readonly problem: string;
}

const FILE_NAME = /CURRENT|MANIFEST-\d+|\d+\.(?:log|sst)/;

/** The files that a read-only open refuses, or verify() behind it complains of. */
export function blamedByEngine(files: StoreFiles): Blame[] {
  const verdict = verdictOf(files, { readOnly: true });
  if (typeof verdict !== "string") return verdict.problems.map(({ file, problem }) => ({ file, problem }));
  const [file] = FILE_NAME.exec(verdict) ?? [];
  if (file === undefined) throw new Error(`an open that blames no file: ${verdict}`);
  return [{ file, problem: verdict }];
}

/** What is left of them when the engine has opened them for writing and closed them. */
export function filesAfterSession(files: StoreFiles): StoreFiles {
  return sessionOn(files, {}, () => undefined);
}

/** What is left of them behind a session. */
export function sessionOn(files: StoreFiles, options: Options, use: (db: Database) => void): StoreFiles {
  const env = envOf(files);
  const db = open(ROOT, { background: "manual", createIfMissing: false, ...options, env });
  use(db);
  db.close();
  const after = new Map<string, Uint8Array>();
  const walk = (directory: string, prefix: string): void => {
    for (const name of env.readDirectory(directory)) {
      const path = `${directory}/${name}`;
      if (env.stat(path).kind === "directory") walk(path, `${name}/`);
      else after.set(prefix + name, readWhole(env, path));
    }
  };
  walk(ROOT, "");
  return after;
}

function readWhole(env: MemoryEnv, path: string): Uint8Array {
  const file = env.open(path, "r");
  const bytes = new Uint8Array(file.size());
  for (let at = 0; at < bytes.length;) at += file.read(bytes.subarray(at), at);
  file.close();
  return bytes;
}
