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
