// What starts a process of the suite: a startup snapshot of its bundle, or where this Node takes none, the bundle with a
// code cache. Both are built (bundle-main.ts), whether this module runs from dist/ or, in tests, from its source.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execaSync } from "execa";

export type Program = "child-main" | "reader-main";

/** Where the build puts them. */
export const BUNDLE: string = fileURLToPath(new URL("bundle", import.meta.url)).replace(
  /(\/dist)?\/crashtests\/kill\//,
  "/dist/crashtests/kill/",
);

/** The environment of each process of the suite, beside its parent's. */
export const CHILD_ENV: Readonly<Record<string, string>> = {
  // An extra certificate file costs every start of Node thirty milliseconds.
  NODE_EXTRA_CA_CERTS: "",
  // A snapshot and a code cache are of one set of V8's flags.
  NODE_OPTIONS: "",
  // glibc reads a snapshot into large pages: two thousand page faults fewer. Others do not know the word.
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
};

/**
 * A short life does little more than begin: it goes by the hash seed of its snapshot, does not sum it up again, and interprets,
 * and is rarely asked whether it should not: what it compiles to machine code it does not live to use.
 */
export const V8_FLAGS: readonly string[] = [
  "--no-rehash-snapshot",
  "--no-verify-snapshot-checksum",
  "--interrupt-budget=675840",
  "--no-opt",
  "--no-sparkplug",
  "--no-warnings",
];

export function snapshotFile(name: Program): string {
  return join(BUNDLE, `${name}.blob`);
}

const hasSnapshot = new Map<Program, boolean>();

/** The command line of a process, with its words. */
export function childCommand(name: Program, ...words: readonly string[]): string[] {
  if (!hasSnapshot.has(name)) hasSnapshot.set(name, startsFromSnapshot(name));
  return hasSnapshot.get(name) ? snapshotCommand(name, ...words) : bundleCommand(name, ...words);
}

/** The same without a snapshot. */
export function bundleCommand(name: Program, ...words: readonly string[]): string[] {
  return [process.execPath, ...V8_FLAGS, join(BUNDLE, "start.cjs"), join(BUNDLE, `${name}.cjs`), ...words];
}

function snapshotCommand(name: Program, ...words: readonly string[]): string[] {
  return [process.execPath, ...V8_FLAGS, "--snapshot-blob", snapshotFile(name), join(BUNDLE, `${name}.cjs`), ...words];
}

// A snapshot is of one build of Node and one kind of processor, and refuses any other.
function startsFromSnapshot(name: Program): boolean {
  if (!existsSync(snapshotFile(name))) return false;
  const [file, ...words] = snapshotCommand(name);
  return execaSync(file!, words, { stdio: "ignore", reject: false, env: CHILD_ENV }).exitCode === 0;
}
