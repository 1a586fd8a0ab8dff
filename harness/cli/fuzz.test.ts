// Fuzzing from outside, with a package in which a decoder has a bug. From dist/, which `npm test` builds first.

import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tinykv-fuzz-test-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

interface Failure {
  readonly condition: string;
  readonly seed: string;
  readonly directory: string;
  readonly replay: string;
}

interface Report {
  readonly ok: boolean;
  readonly ops: number;
  readonly execs: number;
  readonly failures: readonly Failure[];
  readonly targets: readonly Readonly<Record<string, unknown>>[];
  readonly suites: readonly { readonly suite: string; readonly units: number }[];
}

async function harness(at: string, line: string): Promise<{ code: number; json: Report; stderr: string }> {
  const words = [join(at, "dist/harness/cli/main.js"), ...line.split(" ")];
  const { exitCode = -1, stdout, stderr } = await execa(process.execPath, words, { cwd: root, reject: false });
  const last = stdout.split("\n").at(-1) ?? "";
  return { code: exitCode, json: (last.startsWith("{") ? JSON.parse(last) : {}) as Report, stderr };
}

/** A copy of the built package in which a batch of an unknown kind of operation is met by an error that is no CorruptionError. */
function packageWithBug(): string {
  const copy = join(root, "package");
  cpSync(join(PACKAGE, "dist"), join(copy, "dist"), { recursive: true });
  for (const kept of ["package.json", "harness/corpus"])
    cpSync(join(PACKAGE, kept), join(copy, kept), { recursive: true });
  symlinkSync(join(PACKAGE, "node_modules"), join(copy, "node_modules"), "junction");
  const file = join(copy, "dist/src/memtable/batch-format.js");
  const code = readFileSync(file, "utf8");
  const sound = "throw this.#corruption(at, `unknown kind of operation ${kind}`)";
  expect(code.split(sound).length).toBe(2);
  writeFileSync(file, code.replace(sound, "throw new RangeError(`kind ${kind} is out of range`)"));
  return copy;
}

test("a decoder that throws something else is exit 1, is kept, replayed, and tried first from then on", async () => {
  const planted = packageWithBug();
  const { code, json, stderr } = await harness(planted, "fuzz batch --seed 7 --artifacts kept --json --seconds 2");
  expect(code).toBe(1);
  expect(json.failures.length).toBe(1);
  const { condition, directory } = json.failures[0]!;
  expect(condition).toBe("C22");
  expect(stderr).toContain("RangeError: kind");
  const at = join(root, directory);
  expect(readdirSync(at).sort()).toEqual(["command.txt", "finding.json", "input.bin", "original.bin", "report.html"]);
  const finding = JSON.parse(readFileSync(join(at, "finding.json"), "utf8")) as Record<string, string>;
  expect(finding).toMatchObject({ target: "batch", seed: "7" });
  expect(finding["stack"]).toContain("batch-format");
  const input = readFileSync(join(at, "input.bin"));
  // Sequence number, count, and a few operations of two bytes.
  expect(input.length).toBeLessThanOrEqual(20);
  expect(input.length).toBeLessThanOrEqual(readFileSync(join(at, "original.bin")).length);

  expect((await harness(planted, `replay ${directory} --json`)).code).toBe(1);
  const sound = await harness(PACKAGE, `replay ${directory} --json`);
  expect(sound.code).toBe(0);
  expect(sound.stderr).toContain("now it is no failure");

  // No time to find anything: what is found was there.
  const line = "fuzz batch --seed 8 --artifacts kept --json --seconds 0.0001";
  const again = await harness(planted, line);
  expect(again.code).toBe(1);
  expect(again.json.failures.map((failure) => failure.directory)).toEqual([directory]);
  expect(again.json.failures[0]!.seed).toBe("7");
  rmSync(join(root, "kept"), { recursive: true });
  expect((await harness(planted, line)).code).toBe(0);
});

test("all targets are fuzzed in their turn, and each says what it did", async () => {
  const { code, json } = await harness(PACKAGE, "fuzz all --seconds 3.2 --seed 1 --shard 2/2 --json");
  expect(code).toBe(0);
  expect(json).toMatchObject({ command: "fuzz", seed: "1", ok: true, failures: [] });
  expect(json.targets.map(({ name }) => name)).toContain("store");
  let sum = 0;
  for (const { executions, executionsPerSecond, branches } of json.targets) {
    expect(executions).toBeGreaterThan(0);
    expect(executionsPerSecond).toBeGreaterThan(0);
    expect(branches).toBeGreaterThan(0);
    sum += Number(executions);
  }
  expect(json.execs).toBe(sum);
});

test("torture fuzzes too", async () => {
  const planted = packageWithBug();
  const { code, json, stderr } = await harness(planted, "torture --minutes 0.08 --seed 5 --json --artifacts kept");
  expect(code).toBe(1);
  expect(stderr).toMatch(/^fuzz +\d+ .* FAILED$/m);
  expect(json.suites.map(({ suite }) => suite)).toEqual(["corpus", "run", "meta", "crash", "faults", "fuzz"]);
  for (const { seed } of json.failures) expect(seed).toBe("5:fuzz:0");
});
