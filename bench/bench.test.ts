// The commands as users run them, on the built files.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { fastDirectory } from "tinykv/harness";
import { afterAll, expect, test } from "vitest";
import { findContestants } from "./contest/find-contestants.ts";
import { parseBenchOptions, UsageError } from "./options.ts";
import { repositoryRoot } from "./repository.ts";
import { FORMAT, type BenchReport } from "./report/report.ts";

const root = repositoryRoot();
const scratch = mkdtempSync(join(fastDirectory(), "tinykv-bench-cli-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function run(program: string, ...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const {
    exitCode = -1,
    stdout,
    stderr,
  } = await execa(process.execPath, [join(root, "dist/bench", program), ...args], {
    cwd: root,
    reject: false,
  });
  return { exitCode, stdout, stderr };
}

test("bench prints a table, and writes JSON and one page that needs nothing else", async () => {
  const [json, html] = [join(scratch, "bench.json"), join(scratch, "bench.html")];
  const args = [
    "--engines",
    "tinykv,lmdb",
    "--workloads",
    "fillbatch,readrandom",
    "--keys",
    "2000",
    "--rounds",
    "2",
    "--directory",
    scratch,
  ];
  const { exitCode, stdout, stderr } = await run(
    "main.js",
    ...args,
    "--seconds",
    "0.1",
    "--json",
    json,
    "--html",
    html,
  );
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^fillbatch .*tinykv/m);
  expect(stdout).toMatch(/^readrandom +2k .* lmdb +(?:met|not met)$/m);
  const report = JSON.parse(readFileSync(json, "utf8")) as BenchReport;
  expect(report.format).toBe(FORMAT);
  expect(report.results.map(({ workload, contestant }) => `${workload} ${contestant}`)).toEqual([
    "fillbatch tinykv",
    "fillbatch lmdb",
    "readrandom tinykv",
    "readrandom lmdb",
  ]);
  for (const { rounds, latency } of report.results) {
    expect(rounds.length).toBe(2);
    expect(latency?.histogram?.count).toBeGreaterThan(0);
  }
  const page = readFileSync(html, "utf8");
  expect(page).toMatch(/<svg[^]*<\/svg>/);
  expect(page).not.toMatch(/NaN|undefined|Infinity|https?:|<script|<link|src=/);
});

test("a mixed run writes down every second", async () => {
  const json = join(scratch, "mixed.json");
  const { exitCode, stdout } = await run(
    "main.js",
    "--mixed",
    "--minutes",
    "0.04",
    "--keys",
    "2000",
    "--directory",
    scratch,
    "--json",
    json,
  );
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^get +p50 [\d.]+/m);
  const { mixed } = JSON.parse(readFileSync(json, "utf8")) as BenchReport;
  const seconds = mixed!.seconds;
  expect(seconds.length).toBeGreaterThanOrEqual(2);
  expect(seconds.map(({ second }) => second)).toEqual(seconds.map((_, i) => i + 1));
  for (const { p50, p999, max, rssBytes } of seconds) {
    expect(p50).toBeLessThanOrEqual(p999);
    expect(p999).toBeLessThanOrEqual(max);
    expect(rssBytes).toBeGreaterThan(1 << 20);
  }
  const noted = seconds.reduce((sum, { ops }) => sum + ops, 0);
  expect(noted).toBeGreaterThan(0);
  expect(noted).toBeLessThanOrEqual(mixed!.ops);
});

test.each([
  ["main.js", ["--workloads", "fillsqe"], /no workload fillsqe; there are fillseq/],
  ["regress/main.js", [], /--base is missing/],
] as const)("%s refuses %j with 2 and says why", async (program, args, problem) => {
  const { exitCode, stderr } = await run(program, ...args);
  expect(stderr).toMatch(problem);
  expect(exitCode).toBe(2);
});

test.each([
  [["--keys", "10"], /--keys takes whole numbers from 1000/],
  [["--keys", "1000,many"], /not many/],
  [["--rounds", "1,2"], /--rounds takes one number/],
  [["--seconds", "0"], /--seconds is a number above 0/],
  [["--option", "cache"], /--option takes NAME=VALUE/],
  [["--nonsense"], /--nonsense/],
])("%j are refused", (args, problem) => {
  expect(() => parseBenchOptions(args)).toThrow(UsageError);
  expect(() => parseBenchOptions(args)).toThrow(problem);
});

test("an engine that there is not is refused", async () => {
  await expect(findContestants(parseBenchOptions(["--engines", "leveldb"]), scratch)).rejects.toThrow(UsageError);
});

test("options of the engine are JSON or words", () => {
  const { options } = parseBenchOptions([
    "--option",
    "background=inline",
    "--option",
    "blockSize=8192",
    "--option",
    "walRecycle=false",
  ]);
  expect(options).toEqual({ background: "inline", blockSize: 8192, walRecycle: false });
});

test("regress with a revision that there is not ends with 3", async () => {
  const { exitCode, stderr } = await run("regress/main.js", "--base", "no-such-revision");
  expect(stderr).toMatch(/no-such-revision/);
  expect(exitCode).toBe(3);
});
