// A part of the build: each process of the SIGKILL suite as one file, with V8's code cache and a startup snapshot beside it.
// Loading two hundred modules one by one takes several times as long as Node takes to start, compiling them as one file
// as long again, evaluating that file half as long, and a campaign starts thousands.
//
// The cache holds what a short life has compiled, and the snapshot was made with it: what it has evaluated is compiled, too.
// V8 refuses a cache of another version, and compiles then; for a snapshot, childCommand() looks.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execaSync } from "execa";
import { rolldown } from "rolldown";
import { BUNDLE, bundleCommand, CHILD_ENV, type Program, snapshotFile, V8_FLAGS } from "./child-file.ts";
import { TIGHT } from "./draw-plan.ts";
import type { ChildPlan } from "./plan.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** The last is a thread of the first. */
const NAMES = ["child-main", "reader-main", "worker-main"] as const;

// argv: this file, the bundle, the bundle's own words. TINYKV_CODE_CACHE names the cache that is to be written. A snapshot has
// no script in it, which is why that is a local of a function.
const START = `"use strict";
const { readFileSync, writeFileSync } = require("node:fs");
const { Script } = require("node:vm");
process.argv.splice(1, 1);
const filename = process.argv[1];
const isSnapshot = process.execArgv.includes("--build-snapshot");
// Half of Node's own start are modules that a short life may never call; in a snapshot they cost nothing.
const modules = ["node:fs", "node:path", "node:zlib"];
if (isSnapshot) modules.push("node:child_process", "node:crypto", "node:net", "node:os", "node:url", "node:v8");
const eager = new Set(modules);
const lazily = (name) => new Proxy({}, { get: (_, member) => require(name)[member] });
evaluate()({}, (name) => (eager.has(name) ? require(name) : lazily(name)), {}, filename);

function evaluate() {
  const file = filename + ".cache";
  const written = process.env.TINYKV_CODE_CACHE;
  const cachedData = written === undefined ? readFileSync(file) : undefined;
  const source = "(function (exports, require, module, __filename) {" + readFileSync(filename, "utf8") + "\\n})";
  const script = new Script(source, { filename, cachedData });
  if (written === file) process.once("exit", () => writeFileSync(file, script.createCachedData()));
  // A thread that nobody needs ends itself after a second.
  else if (written !== undefined) process.once("beforeExit", () => setTimeout(() => {}, 2000));
  return script.runInThisContext();
}
`;

const START_WORKER = `"use strict";
process.argv.splice(1, 1, "", require("node:path").join(__dirname, "worker-main.cjs"));
require("./start.cjs");
`;

rmSync(BUNDLE, { recursive: true, force: true });
mkdirSync(BUNDLE);
for (const name of NAMES) await bundle(name);
writeFileSync(join(BUNDLE, "start.cjs"), START);
writeFileSync(join(BUNDLE, "start-worker.cjs"), START_WORKER);
warm();
for (const name of ["child-main", "reader-main"] as const) snapshot(name);

async function bundle(name: string): Promise<void> {
  const input = join(HERE, `${name}.js`);
  const bundled = await rolldown({
    input,
    platform: "node",
    // Modules do nothing when they are loaded but those three: what is not used is left out.
    treeshake: { moduleSideEffects: (id) => id === input },
  });
  const { output } = await bundled.generate({ format: "cjs", codeSplitting: false, comments: false });
  await bundled.close();
  if (output.length !== 1) throw new Error("a bundle is more than one file");
  writeFileSync(join(BUNDLE, `${name}.cjs`), inAscii(output[0].code));
}

// A source with one other character takes twice the memory, in the snapshot too.
function inAscii(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
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
    config: "thread-least",
    ops: 2000,
    keys: 50,
    syncRatio: 0.3,
    firstId: 1,
    incarnation: 0,
    kill: { by: "nobody" },
  };
  const run = (cache: (typeof NAMES)[number], [file, ...words]: readonly string[], input: string): void => {
    const env = { ...CHILD_ENV, TINYKV_CODE_CACHE: join(BUNDLE, `${cache}.cjs.cache`) };
    execaSync(file!, words, { env, input, stdio: ["pipe", "ignore", "inherit", "pipe"], maxBuffer: 1 << 26 });
  };
  run("worker-main", bundleCommand("child-main", JSON.stringify(plan)), "");
  rmSync(directory, { recursive: true });
  run("child-main", bundleCommand("child-main", JSON.stringify({ ...plan, config: `inline,${TIGHT}` })), "");
  run("reader-main", bundleCommand("reader-main", directory, "least"), "\n\n");
  rmSync(scratch, { recursive: true, force: true });
}

function snapshot(name: Program): void {
  const words = ["--snapshot-blob", snapshotFile(name), "--build-snapshot", join(BUNDLE, "start.cjs")];
  const { exitCode } = execaSync(process.execPath, [...V8_FLAGS, ...words, join(BUNDLE, `${name}.cjs`)], {
    env: CHILD_ENV,
    stdio: "ignore",
    reject: false,
  });
  if (exitCode === 0) return;
  rmSync(snapshotFile(name), { force: true });
  console.error(`Node ${process.version} makes no startup snapshot of ${name}: it starts from its code cache`);
}
