// testdata/picker-*.txt, in the notation of versions.test-support.ts:
//
//   define [option=value …]      a sound version; the options hold until the next define
//   targets [leaving=N,N …]      base level, target and score of each level, bytes pending
//   pick [oldest=SEQUENCE] [last=SEQUENCE] [cursor=LEVEL:KEY]     with the plans of the input lines running
//   range FROM TO                "*" for no bound
//   valid                        one plan a line, made for the version defined; then its edits, then whether it is valid

import { test } from "vitest";
import { assert } from "../common/assert.ts";
import { pickCompaction, pickRange, stillValid, type PickerOptions } from "./compaction-picker.ts";
import { levelTargets } from "./level-targets.ts";
import { Version } from "./version.ts";
import {
  checkGolden,
  OPTIONS,
  ORDER,
  parseOptions,
  parsePlan,
  parseTables,
  parseVersion,
  planText,
} from "./versions.test-support.ts";

for (const name of ["picker-scores.txt", "picker-plans.txt", "picker-tombstones.txt", "picker-range.txt"]) {
  test(`${name} says what is picked`, () => {
    let options: PickerOptions = OPTIONS;
    let version = Version.empty(ORDER, OPTIONS.numLevels);
    checkGolden(name, (command, given, input) => {
      if (command === "define") {
        options = parseOptions(given);
        version = parseVersion(input, options.numLevels);
        const problems = version.problems();
        return problems.length > 0 ? problems : [`tables: ${version.tableCount}`];
      }
      if (command === "targets") return targetsText(version, options, given);
      if (command === "pick") return planText(pick(version, options, given, input));
      if (command === "range") return planText(pickRange(version, bound(given[0]), bound(given[1]), options));
      assert(command === "valid", `a known command: ${command}`);
      return [String(isValid(version, input))];
    });
  });
}

const bound = (key: string | undefined): Uint8Array | undefined => (key === "*" ? undefined : Buffer.from(key!));

function pick(
  version: Version,
  options: PickerOptions,
  given: string[],
  input: string[],
): ReturnType<typeof pickCompaction> {
  const named = new Map(given.map((pair) => pair.split("=") as [string, string]));
  const oldest = named.get("oldest");
  const cursor = named.get("cursor")?.split(":");
  return pickCompaction(version, options, {
    running: input.map((line) => parsePlan(version, line)),
    cursors: new Map(cursor ? [[Number(cursor[0]), Buffer.from(cursor[1]!)]] : []),
    oldestSnapshot: oldest === undefined ? undefined : Number(oldest),
    lastSequence: Number(named.get("last") ?? 0),
  });
}

function targetsText(version: Version, options: PickerOptions, given: string[]): string[] {
  const leaving = given.flatMap((pair) => pair.split("=")[1]!.split(",").map(Number));
  const { baseLevel, targets, scores, pendingBytes } = levelTargets(version, options, new Set(leaving));
  const rounded = scores.map((score) => Math.round(score * 1000) / 1000);
  return [
    `base level ${baseLevel}`,
    `targets ${targets.join(" ")}`,
    `scores ${rounded.join(" ")}`,
    `pending ${pendingBytes}`,
  ];
}

function isValid(version: Version, [plan, ...edits]: string[]): boolean {
  const numbersOf = (line: string): { level: number; number: number }[] => {
    const [level, ...numbers] = line.slice(1).split(/:? +/);
    return numbers.map((number) => ({ level: Number(level), number: Number(number) }));
  };
  const removed = edits.flatMap((line) => (line.startsWith("-") ? numbersOf(line) : []));
  const added = parseTables(edits.filter((line) => line.startsWith("+")).map((line) => line.slice(1)));
  return stillValid(parsePlan(version, plan!), version.apply({ added, removed }));
}
