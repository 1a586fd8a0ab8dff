// The command line from outside: exit codes, and the one JSON object at the end. From dist/, which `npm test` builds first.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/harness/cli/main.js", import.meta.url));
const CORPUS = fileURLToPath(new URL("../corpus/", import.meta.url));

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tinykv-cli-test-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

async function harness(...words: string[]): Promise<{ code: number; json: Record<string, unknown>; stderr: string }> {
  const {
    exitCode = -1,
    stdout,
    stderr,
  } = await execa(process.execPath, [MAIN, ...words], { cwd: root, reject: false });
  const last = stdout.split("\n").at(-1) ?? "";
  return { code: exitCode, json: last.startsWith("{") ? (JSON.parse(last) as Record<string, unknown>) : {}, stderr };
}

const MISTAKES = [
  "run",
  "run --seed 1 --ops 0",
  "run --seed 1 --workload none",
  "run --seed 1 --config none",
  "run --seed 1 --config blockSize=1",
  "run --seed 1 --config small --configs 2",
  "run --seed 1 --engine none",
  "run --seed 1 --engine stdio:",
  "run --seed 1 --engine stdio:/there/is/no/driver",
  "kill --seed 1 --engine stdio:cat",
  "run --seed 1 --engine classic-level --double-check",
  "crash --seed 1 --ops 5 --exhaustive --engine classic-level",
  "kill --seed 1 --rounds 1 --sync-ratio 0.5",
  "faults --seed 1 --ops 5 --engine classic-level",
  "disk --fs fat --seed 1",
  "crash --seed 1 --ops 5",
  "crash --seed 1 --exhaustive",
  "crash --seed 1 --ops 5 --exhaustive --images 5",
  "crash --sequences 1 --shard 3/2",
  "crash --sequences 1 --shard 0/2",
  "crash --sequences 1 --config memory",
  "crash --sequences 1 --recovery often",
  "faults --seed 1",
  "barriers --config small",
  "replay nowhere.ops",
  "shrink nowhere.ops",
];

test.each(MISTAKES)("a mistake of whoever typed it is exit 2: %s", async (line) => {
  const { code, stderr } = await harness(...line.split(" "));
  expect(code).toBe(2);
  expect(stderr.length).toBeGreaterThan(0);
  expect(readdirSync(root)).toEqual([]);
});

test("a run says what it did, and the same when it is run twice", async () => {
  const words = ["run", "--seed", "1:run:7", "--ops", "300", "--config", "small", "--json"];
  const { code, json } = await harness(...words, "--double-check");
  expect(code).toBe(0);
  expect(json).toMatchObject({ command: "run", seed: "1:run:7", ok: true, failures: [], workload: "mixed" });
  expect(json["ops"]).toBeGreaterThan(100);
  expect(json["traceHash"]).toMatch(/^[0-9a-f]{64}$/);
  const again = await harness(...words);
  expect(again.json["executed"]).toBe(json["executed"]);
});

test("runs under the first configurations are divided by shards", async () => {
  const words = ["run", "--seed", "1", "--ops", "50", "--configs", "4", "--json", "--shard"];
  expect((await harness(...words, "1/2")).json).toMatchObject({ config: "default least" });
  expect((await harness(...words, "2/2")).json).toMatchObject({ config: "small memory" });
});

test("simulated power loss reports its counters, and does the same I/O twice", async () => {
  const words = [
    "crash",
    "--seed",
    "3",
    "--ops",
    "8",
    "--exhaustive",
    "--config",
    "small",
    "--recovery",
    "0",
    "--json",
  ];
  const { code, json } = await harness(...words, "--double-check");
  expect(code).toBe(0);
  expect(json).toMatchObject({ command: "crash", ok: true, configs: { small: 1 }, exhausted: true });
  for (const name of ["images", "deduplicated", "tier2", "second", "capped"]) expect(json[name]).toBeTypeOf("number");
});

test("an op log is replayed: a sound one is exit 0, a mangled one exit 2", async () => {
  const { code, json } = await harness("replay", join(CORPUS, "direction-switches.ops"), "--json");
  expect(code).toBe(0);
  expect(json).toMatchObject({ command: "replay", ok: true });
  const mangled = readFileSync(join(CORPUS, "direction-switches.ops"), "utf8").replace("put", "pat");
  writeFileSync(join(root, "mangled.ops"), mangled);
  expect((await harness("replay", "mangled.ops")).code).toBe(2);
});

test("there is nothing to shrink in a log that does not fail", async () => {
  const { code, stderr } = await harness("shrink", join(CORPUS, "direction-switches.ops"));
  expect(code).toBe(0);
  expect(stderr).toContain("nothing fails");
});
