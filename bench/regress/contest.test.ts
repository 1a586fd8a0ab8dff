import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as engine from "tinykv";
import { fastDirectory } from "tinykv/harness";
import { afterAll, expect, test } from "vitest";
import { repositoryRoot } from "../repository.ts";
import { buildRevision, removeRevision } from "./builds.ts";
import { compareBuilds, type WorkloadResult } from "./contest.ts";
import { measureMicro, MICRO_WORKLOADS } from "./micro.ts";

const root = repositoryRoot();
const scratch = mkdtempSync(join(fastDirectory(), "tinykv-regress-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/**
 * A program in place of the one that measures: `base` takes 100 for everything, others what their name says, for the first
 * `suspectRounds` rounds of the whole contest; after that they are like the base. Each call is a line in a file.
 */
function childWith(suspectRounds: number): { childFile: string; calls: () => string[] } {
  const childFile = join(mkdtempSync(join(scratch, "child-")), "child.mjs");
  const journal = `${childFile}.txt`;
  writeFileSync(journal, "");
  writeFileSync(
    childFile,
    `import { appendFileSync, readFileSync, writeSync } from "node:fs";
const name = process.argv[2];
const rounds = Math.floor(readFileSync(${JSON.stringify(journal)}, "utf8").split("\\n").length / 3);
appendFileSync(${JSON.stringify(journal)}, name + "\\n");
const time = name === "base" || rounds >= ${suspectRounds} ? 100 : Number(name);
const times = { put: 100, batch: 100, compact: 100, get: time, iterate: 100, seek: 100 };
writeSync(3, JSON.stringify(times));
`,
  );
  return { childFile, calls: () => readFileSync(journal, "utf8").trim().split("\n") };
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
  const { childFile, calls } = childWith(Number.POSITIVE_INFINITY);
  const results = await compare(childFile, "115");
  expect(results.map(({ workload }) => workload)).toEqual(MICRO_WORKLOADS);
  expect(slower(results)).toEqual(["get"]);
  expect(results.find(({ workload }) => workload === "get")!.verdict.factor).toBeCloseTo(1.15, 6);
  expect(calls().length).toBe(2 * 3 * 3);
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

test("every micro-workload is measured, and its stores are removed", () => {
  const directory = mkdtempSync(join(scratch, "micro-"));
  const times = measureMicro(engine, { directory, keys: 2000, seed: "1" });
  expect(Object.keys(times).sort()).toEqual([...MICRO_WORKLOADS].sort());
  for (const time of Object.values(times)) expect(time).toBeGreaterThan(0);
  expect(existsSync(join(directory, "reads"))).toBe(false);
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
    await removeRevision(root, directory);
    expect(existsSync(directory)).toBe(false);
  },
);
