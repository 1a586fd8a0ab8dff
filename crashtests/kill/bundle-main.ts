// A part of the build: each process of the SIGKILL suite as one file, with V8's code cache beside it. Loading two hundred
// modules one by one takes several times as long as Node takes to start, compiling them as one file as long again, and a
// campaign starts thousands.
//
// The cache holds what a short life has compiled. V8 refuses one of another version, and compiles then.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execaSync } from "execa";
import { rolldown, type OutputOptions } from "rolldown";
import { childCommand } from "./child-file.ts";
import type { ChildPlan } from "./plan.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const BUNDLE = join(HERE, "bundle");
/** Processes start from CommonJS, which needs no loader of modules; a thread of one is a module. */
const FORMATS: Readonly<Record<string, NonNullable<OutputOptions["format"]>>> = {
  "child-main": "cjs",
  "reader-main": "cjs",
  "worker-main": "esm",
};

// argv: this file, the bundle, the bundle's own words. With TINYKV_CODE_CACHE the cache is written in the end.
const START = `"use strict";
const { readFileSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");
process.argv.splice(1, 1);
const filename = process.argv[1];
const file = filename + ".cache";
const writes = process.env.TINYKV_CODE_CACHE !== undefined;
const cachedData = writes ? undefined : readFileSync(file);
const source = "(function (exports, require, module, __filename) {" + readFileSync(filename, "utf8") + "\\n})";
const script = new Script(source, { filename, cachedData });
if (writes) process.once("exit", () => writeFileSync(file, script.createCachedData()));
// Half of Node's own start are modules that a short life may never call.
const eager = new Set(["node:fs", "node:path", "node:zlib"]);
const lazily = (name) => new Proxy({}, { get: (_, member) => require(name)[member] });
script.runInThisContext()({}, (name) => (eager.has(name) ? require(name) : lazily(name)), {}, filename);
`;

rmSync(BUNDLE, { recursive: true, force: true });
for (const [name, format] of Object.entries(FORMATS)) await bundle(name, format);
writeFileSync(join(BUNDLE, "start.cjs"), START);
const expected = Object.keys(FORMATS).length + 1;
if (readdirSync(BUNDLE).length !== expected) throw new Error("a bundle is more than one file");
warm();

async function bundle(name: string, format: NonNullable<OutputOptions["format"]>): Promise<void> {
  const input = join(HERE, `${name}.js`);
  const bundled = await rolldown({
    input,
    platform: "node",
    // Modules do nothing when they are loaded but those three: what is not used is left out.
    treeshake: { moduleSideEffects: (id) => id === input },
  });
  const extension = format === "cjs" ? "cjs" : "js";
  await bundled.write({ dir: BUNDLE, format, entryFileNames: `${name}.${extension}`, codeSplitting: false });
  await bundled.close();
}

// One short life of each.
function warm(): void {
  const scratch = mkdtempSync(join(tmpdir(), "tinykv-warm-"));
  const directory = join(scratch, "store");
  const plan: ChildPlan = {
    directory,
    seed: "warm",
    profile: "fast",
    workload: "mixed",
    config: "least",
    ops: 600,
    keys: 50,
    syncRatio: 0.3,
    firstId: 1,
    incarnation: 0,
    kill: { by: "nobody" },
  };
  const env = { TINYKV_CODE_CACHE: "1", NODE_EXTRA_CA_CERTS: "" };
  const run = (words: readonly string[], input: string): void => {
    const [file, ...rest] = words;
    execaSync(file!, rest, { env, input, stdio: ["pipe", "ignore", "inherit", "pipe"], maxBuffer: 1 << 26 });
  };
  run(childCommand("child-main", JSON.stringify(plan)), "");
  run(childCommand("reader-main", directory, "least"), "\n\n");
  rmSync(scratch, { recursive: true, force: true });
}
