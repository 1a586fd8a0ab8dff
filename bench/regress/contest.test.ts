import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as engine from "tinykv";
import { fastDirectory } from "tinykv/harness";
import { afterAll, expect, test } from "vitest";
import { repositoryRoot } from "../repository.ts";
import { BuildChild } from "./build-child.ts";
import { buildRevision, removeRevision } from "./builds.ts";
import { compareBuilds, type WorkloadResult } from "./contest.ts";
import { MicroBench, MICRO_WORKLOADS } from "./micro.ts";

const root = repositoryRoot();
const scratch = mkdtempSync(join(fastDirectory(), "tinykv-regress-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/**
 * A program in place of the one that measures: `base` takes 100 for everything, others take for a get what their name
 * says, in the first `suspectRounds` processes of that name; after that they are like the base. Each process is a line in
 * a file, and each pass in another.
 */
function childWith(suspectRounds: number): { childFile: string; calls: () => string[]; passes: () => string[] } {
  const childFile = join(mkdtempSync(join(scratch, "child-")), "child.mjs");
  const journal = `${childFile}.txt`;
  const passes = `${childFile}.passes`;
  for (const file of [journal, passes]) writeFileSync(file, "");
  writeFileSync(
    childFile,
    `import { appendFileSync, readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
const name = process.argv[2];
const before = readFileSync(${JSON.stringify(journal)}, "utf8").split("\\n").filter((line) => line === name).length;
appendFileSync(${JSON.stringify(journal)}, name + "\\n");
writeSync(3, "ready\\n");
for await (const workload of createInterface({ input: process.stdin })) {
  appendFileSync(${JSON.stringify(passes)}, name + " " + workload + "\\n");
  const isSuspect = workload === "get" && name !== "base" && before < ${suspectRounds};
  writeSync(3, (isSuspect ? name : "100") + "\\n");
}
`,
  );
  const lines = (file: string): string[] => readFileSync(file, "utf8").trim().split("\n");
  return { childFile, calls: () => lines(journal), passes: () => lines(passes) };
}

function compare(childFile: string, candidate: string): Promise<WorkloadResult[]> {
  const [base, other] = ["base", candidate].map((name) => ({ name, url: name }));
  return compareBuilds({
    base: base!,
    candidate: other!,
    childFile,
    directory: scratch,
    rounds: 3,
    keys: 1000,
    seed: "1",
    progress: () => undefined,
  });
}

const slower = (results: readonly WorkloadResult[]): string[] =>
  results.filter(({ isSlower }) => isSlower).map(({ workload }) => workload);

test("what is slower at both looks is slower, and only that workload", async () => {
  const { childFile, calls, passes } = childWith(Number.POSITIVE_INFINITY);
  const results = await compare(childFile, "115");
  expect(results.map(({ workload }) => workload)).toEqual(MICRO_WORKLOADS);
  expect(slower(results)).toEqual(["get"]);
  expect(results.find(({ workload }) => workload === "get")!.verdict.factor).toBeCloseTo(1.15, 6);
  expect(calls().length).toBe(2 * 3 * 3);
  const made = (workload: string): number => passes().filter((pass) => pass === `115 ${workload}`).length;
  expect(made("get"), "measured at both looks").toBe(2 * 3 * 40);
  expect(made("seek"), "measured at the first look alone").toBe(3 * 40);
});

test("what is slower at the first look alone is not slower", async () => {
  const { childFile } = childWith(3);
  const results = await compare(childFile, "115");
  expect(slower(results)).toEqual([]);
  expect(results.find(({ workload }) => workload === "get")!.confirmation!.verdict.is).toBe("same");
});

test("without a suspicion there is no second look, and each round has the base twice and the candidate once", async () => {
  const { childFile, calls } = childWith(Number.POSITIVE_INFINITY);
  expect(slower(await compare(childFile, "100.5"))).toEqual([]);
  const made = calls();
  expect(made.length).toBe(3 * 3);
  for (let round = 0; round < 3; round++) {
    expect(made.slice(3 * round, 3 * round + 3).toSorted()).toEqual(["100.5", "base", "base"]);
  }
});

test("a child that fails ends the contest with its words", async () => {
  const childFile = join(scratch, "failing.mjs");
  writeFileSync(childFile, "throw new Error('no such disk')");
  await expect(compare(childFile, "115")).rejects.toThrow(/no such disk/);
});

test("every micro-workload is measured, alone and in any order", () => {
  const bench = new MicroBench(engine, {
    directory: mkdtempSync(join(scratch, "micro-")),
    keys: 2000,
    seed: "1",
    workloads: MICRO_WORKLOADS,
  });
  for (const workload of [...MICRO_WORKLOADS, "compact", "batch", "batch"] as const) {
    expect(bench.pass(workload)).toBeGreaterThan(0);
  }
  bench.close();
});

test("the measuring process answers each workload with a number, and leaves no store", async () => {
  const directory = mkdtempSync(join(scratch, "real-"));
  const build = { name: "built", url: new URL("dist/src/index.js", `file://${root}/`).href };
  const childFile = join(root, "dist/bench/regress/child-main.js");
  const child = await BuildChild.start(childFile, build, {
    directory,
    keys: 1000,
    seed: "1",
    workloads: ["get", "put"],
  });
  expect(await child.pass("get")).toBeGreaterThan(0);
  expect(await child.pass("put")).toBeGreaterThan(0);
  await child.end();
  expect(readdirSync(directory)).toEqual([]);
});

test.skipIf(!existsSync(join(root, ".git")))(
  "a revision is built beside the working tree, and leaves nothing behind",
  async () => {
    const directory = join(scratch, "revision");
    const build = await buildRevision(root, directory, "HEAD");
    const built = (await import(build.url)) as typeof engine;
    const db = built.open(join(scratch, "of-revision"));
    db.put("a", "1");
    expect(db.get("a")?.toString()).toBe("1");
    db.close();
    removeRevision(root, directory);
    expect(existsSync(directory)).toBe(false);
  },
);
