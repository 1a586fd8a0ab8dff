import { execa } from "execa";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { metaUnit, runMeta, type MetaResult } from "./meta.ts";

const MAIN = join(import.meta.dirname, "../../dist/harness/cli/main.js");
const BROKEN = new URL("broken-meta.test-support.js", import.meta.url);
const LOG = { seed: "1", ops: 400, workload: "write-heavy", keys: 50 } as const;

let artifacts: string;
beforeAll(() => {
  artifacts = mkdtempSync(join(tmpdir(), "tinykv-meta-test-"));
});
afterAll(() => rmSync(artifacts, { recursive: true, force: true }));

function runBroken(config: string, hangMilliseconds?: number): Promise<MetaResult> {
  const processes = { main: BROKEN, ...(hangMilliseconds !== undefined && { hangMilliseconds }) };
  return runMeta({ log: LOG, configs: ["default", "inline", config], artifacts, processes });
}

test("C26: named and drawn configurations give one history, and the same twice", async () => {
  const words = ["meta", "--seed", "3", "--ops", "300", "--configs", "4", "--double-check", "--json"];
  const { stdout, exitCode } = await execa(process.execPath, [MAIN, ...words, "--artifacts", artifacts]);
  const report = JSON.parse(stdout.split("\n").at(-1)!);
  expect(exitCode).toBe(0);
  expect(report).toMatchObject({ command: "meta", seed: "3", ok: true, histories: 1, compared: 8, failures: [] });
  // Operations and the scan at the end, of each.
  expect(report.ops).toBe(8 * 301);
  expect(report.configs.slice(0, 2)).toEqual(["default", "small"]);
});

test("C26: a configuration under which writes are lost is found, with both histories and what runs it again", async () => {
  const { histories, failures } = await runBroken("small");
  expect(histories).toBe(2);
  expect(failures).toHaveLength(1);
  const { condition, message, directory, replay } = failures[0]!;
  expect(condition).toBe("C26");
  expect(message).toMatch(/^line \d+, .*: under default .*, under small /);
  expect(replay).toBe("npx tinykv-harness meta --seed 1 --ops 400 --workload write-heavy --keys 50 --config small");
  const lines = [0, 1].map((i) => readFileSync(join(directory, `history-${i}.txt`), "utf8").split("\n"));
  const first = lines[0]!.findIndex((line, i) => line !== lines[1]![i]);
  expect(message).toContain(`line ${first + 1}, `);
  expect(message).toContain(lines[0]![first]!);
  expect(readdirSync(directory)).toContain("report.html");
});

test("a process that ends by itself, and one that never answers, are findings", async () => {
  const ended = await runBroken("least");
  expect(ended.failures.map(({ condition }) => condition)).toEqual(["C26"]);
  expect(ended.failures[0]!.message).toContain("the process ended with code 7");
  const hung = await runBroken("memory", 3000);
  expect(hung.failures.map(({ condition }) => condition)).toEqual(["C28"]);
  expect(hung.failures[0]!.message).toContain("no answer for 3 s");
});

test("units of torture take each named configuration and each workload in turn", () => {
  const units = Array.from({ length: 17 }, (_, i) => metaUnit(`1:meta:${i}`, i, undefined));
  expect(new Set(units.map(({ log }) => log.workload)).size).toBeGreaterThanOrEqual(17);
  expect(new Set(units.flatMap(({ configs }) => configs.slice(1, 3))).size).toBe(34);
  expect(metaUnit("1:meta:0", 0, ["paranoid"]).configs).toEqual(["default", "paranoid"]);
});

test.each([
  ["--ops", "5"],
  ["--seed", "1", "--configs", "1"],
  ["--seed", "1", "--config", "none"],
  ["--seed", "1", "--workload", "none"],
])("meta %s %s %s %s is a mistake: exit 2", async (...words) => {
  const run = execa(process.execPath, [MAIN, "meta", ...words.filter((word) => word !== undefined)], { reject: false });
  expect((await run).exitCode).toBe(2);
});
