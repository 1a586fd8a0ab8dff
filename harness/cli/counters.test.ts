import { expect, test } from "vitest";
import { isMine } from "../finding.ts";
import { subShards } from "./campaign.ts";
import { differingCounters, mergeCounters } from "./counters.ts";

test("the parts of a part are that part, each unit once", () => {
  for (const count of [1, 2, 3]) {
    for (let index = 1; index <= count; index++) {
      const parts = subShards({ index, count }, 4);
      for (let n = 0; n < 50; n++) {
        const owners = parts.filter((part) => isMine(part, n)).length;
        expect(owners).toBe(isMine({ index, count }, n) ? 1 : 0);
      }
    }
  }
});

test("counters of parts add up, are true if all are, and keep their tables", () => {
  const parts = [
    { images: 2, exhausted: true, configs: { small: 1 }, barriers: [{ name: "a" }] },
    { images: 3, exhausted: false, configs: { small: 2, least: 1 }, barriers: [] },
    {},
  ];
  expect(mergeCounters(parts)).toEqual({
    images: 5,
    exhausted: false,
    configs: { small: 3, least: 1 },
    barriers: [{ name: "a" }],
  });
});

test("hashes of parts depend on each of them", () => {
  const hash = (...hashes: string[]): unknown => mergeCounters(hashes.map((traceHash) => ({ traceHash })))["traceHash"];
  expect(hash("a", "b")).toBe(hash("a", "b"));
  expect(hash("a", "b")).not.toBe(hash("a", "c"));
  expect(hash("a")).toBe("a");
});

test("what differs is named", () => {
  const one = { images: 1, configs: { small: 1, least: 2 }, traceHash: "a" };
  expect(differingCounters(one, one)).toEqual([]);
  expect(differingCounters(one, { images: 1, configs: { small: 1, least: 3 } })).toEqual([
    "configs.least",
    "traceHash",
  ]);
});
