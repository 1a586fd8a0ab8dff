// What the corpus takes by itself. Run in a copy of dist/, which `npm test` builds first.

import { beforeAll, expect, test } from "vitest";
import { coverCorpus, type CorpusCoverage } from "./corpus-coverage.ts";
import { DECODERS } from "./decoders.ts";
import { CORPUS_BYTES_MAX, corpusOf, findingsIn, FINDINGS, firstInputs, hashOf } from "./findings.ts";
import { TARGETS } from "./targets.ts";

/** Of the branches of the decoders: what is left are encoders in the same files, and checks that nothing gets as far as. */
const SHARE_LEAST = 0.95;

let coverage: CorpusCoverage;
beforeAll(async () => {
  coverage = await coverCorpus();
});

test("the corpus alone takes 95 of 100 branches of the decoders, and nothing in it is a finding", () => {
  const own = new Set(DECODERS);
  const missing: string[] = [];
  let all = 0;
  for (const [branch, { module, line, kind, arm, text }] of coverage.branches.entries()) {
    if (!own.has(module)) continue;
    all++;
    if (!coverage.taken.has(branch)) missing.push(`${module}:${line} ${kind}#${arm} ${text}`);
  }
  const share = (all - missing.length) / all;
  console.log(`${all - missing.length} of ${all} branches of the decoders, ${(100 * share).toFixed(1)} %`);
  for (const { name, inputs, taken, all: most } of coverage.targets)
    console.log(`${name.padEnd(14)} ${inputs} inputs, ${taken} of the ${most} branches of its modules`);
  expect(share, missing.join("\n")).toBeGreaterThanOrEqual(SHARE_LEAST);
});

test("the corpus is small, and named by what is in it", () => {
  let bytes = 0;
  for (const { name, bytesMax } of TARGETS) {
    const inputs = corpusOf(name);
    expect(inputs.length).toBeGreaterThan(0);
    expect(new Set(inputs.map(hashOf)).size).toBe(inputs.length);
    for (const input of inputs) expect(input.length).toBeLessThanOrEqual(bytesMax);
    bytes += inputs.reduce((sum, input) => sum + input.length, 0);
  }
  expect(bytes).toBeLessThan(CORPUS_BYTES_MAX);
});

test("what was found once is tried first, and is none any more", () => {
  let count = 0;
  for (const { name, run } of TARGETS) {
    const kept = findingsIn(FINDINGS, name);
    expect(firstInputs(name, "nowhere").slice(0, kept.length)).toEqual(kept.map(({ bytes }) => bytes));
    for (const { finding, bytes } of kept) {
      count++;
      expect(finding.story).toBeDefined();
      try {
        run(bytes);
      } catch (error) {
        expect(String(error)).not.toContain(finding.problem);
      }
    }
  }
  expect(count).toBeGreaterThan(0);
});
