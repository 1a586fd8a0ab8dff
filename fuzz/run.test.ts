// The bounds that hold every execution, against decoders that break them; and what of a run its seed decides. The process runs
// a copy of dist/, which `npm test` builds first.

import { afterAll, beforeAll, expect, test } from "vitest";
import { copyInstrumented, type InstrumentedCopy } from "./instrument.ts";
import { runFuzz, type FuzzOptions, type FuzzReport } from "./run.ts";

let copy: InstrumentedCopy;
beforeAll(() => {
  copy = copyInstrumented(["src/memtable/batch-format"]);
});
afterAll(() => copy.remove());

const BROKEN = "fuzz/broken-targets.test-support.js";

function fuzz(targets: readonly string[], rest: Partial<FuzzOptions> = {}): Promise<FuzzReport> {
  return runFuzz({ targets, seed: "1", corpus: {}, executions: 4000, extraTargets: BROKEN, copy, ...rest });
}

async function problemOf(target: string, rest: Partial<FuzzOptions> = {}): Promise<string> {
  const { found, results } = await fuzz([target, "internal-key"], rest);
  expect(found.map((one) => one.target)).toEqual([target]);
  // Whatever it was, the rest goes on.
  expect(results.at(-1)).toMatchObject({ name: "internal-key", executions: 4000 });
  expect(found[0]!.problem.bytes.length).toBeLessThanOrEqual(found[0]!.problem.original.length);
  expect([...found[0]!.problem.bytes]).toContain(0x77);
  return found[0]!.problem.problem;
}

test("an execution that does not end is ended from outside, and the input that was in flight is made smaller", async () => {
  const { found } = await fuzz(["hangs"], { hangMilliseconds: 1000 });
  expect(found[0]!.problem.problem).toBe("no end within 1000 ms");
  expect([...found[0]!.problem.bytes]).toEqual([0x77]);
});

test("an execution that takes long, again and again, is a finding", async () => {
  // The byte itself, so that it is not looked for: each time that it is met takes its time again.
  const corpus = { slow: [Uint8Array.of(1, 0x77, 2)] };
  const { found } = await fuzz(["slow"], { corpus, executions: 1 });
  expect([...found[0]!.problem.bytes]).toEqual([0x77]);
  expect(found[0]!.problem.problem).toMatch(/^\d+ ms for an input of \d+ bytes$/);
});

test("bytes beyond what an input justifies are not given, and are a finding even where that is caught", async () => {
  expect(await problemOf("greedy")).toMatch(/^an allocation of \d+ bytes for an input of \d+$/);
  expect(await problemOf("greedy-array")).toMatch(/^an allocation of \d+ bytes for an input of \d+$/);
});

test("objects beyond what a process may have are a finding", async () => {
  // A heap that is nearly full is collected again and again, for seconds on a slow machine, before it is given up.
  expect(await problemOf("hoards", { hangMilliseconds: 40_000 })).toMatch(/^more than \d+ MiB of objects$/);
});

test("an input that ends the process is a finding, and so is all that was found before it", async () => {
  const { found } = await fuzz(["throws", "aborts", "internal-key"]);
  expect(found.map((one) => one.target)).toEqual(["throws", "aborts"]);
  expect(found[1]!.problem.problem).toContain("the process ended with SIGABRT");
  expect([...found[1]!.problem.bytes]).toContain(0x77);
});

test("an error of another kind, and one that blames another file, is a finding", async () => {
  expect(await problemOf("throws")).toBe("TypeError: of a byte");
  expect(await problemOf("blames")).toContain("outside of");
});

test("the same seed tries the same inputs and keeps the same ones; another seed does not", async () => {
  const digests = async (seed: string): Promise<number[]> => {
    const { results } = await fuzz(["batch", "edit"], { seed, executions: 3000 });
    return results.map(({ digest }) => digest);
  };
  const first = await digests("a");
  expect(await digests("a")).toEqual(first);
  expect(await digests("b")).not.toEqual(first);
});

test("branches that count lead to inputs that draws alone do not find", async () => {
  const { results } = await fuzz(["batch"], { executions: 20_000 });
  const [batch] = results;
  expect(batch!.branches.length).toBeGreaterThan(20);
});
