// testdata/versions.txt, in the notation of versions.test-support.ts:
//
//   define                levels as they stand; answers with their problems
//   apply                 lines "+LEVEL: TABLES" and "-LEVEL: NUMBERS"; the next version, which later blocks use, or the refusal
//   overlapping LEVEL FROM TO     "*" for no bound
//   tableFor LEVEL        one key a line
//   mayHoldBelow LEVEL    one key a line

import { test } from "vitest";
import { assert } from "../common/assert.ts";
import { InvalidEditError, Version } from "./version.ts";
import { checkGolden, ORDER, parseTables, parseVersion, tableText, versionText } from "./versions.test-support.ts";

const LEVELS = 4;

test("versions.txt says what versions answer, take and refuse", () => {
  let version = Version.empty(ORDER, LEVELS);
  checkGolden("versions.txt", (command, given, input) => {
    if (command === "define") {
      version = parseVersion(input, LEVELS);
      return withDefault(version.problems(), "sound");
    }
    if (command === "apply") {
      const next = applied(version, input);
      if (next instanceof InvalidEditError) return [`refused: ${next.problem}`];
      version = next;
      return withDefault(versionText(version), "empty");
    }
    const level = Number(given[0]);
    if (command === "overlapping") {
      const [from, to] = given.slice(1).map((key) => (key === "*" ? undefined : Buffer.from(key)));
      return [withDefault(version.overlapping(level, from, to).map(tableText), "none").join(" ")];
    }
    if (command === "tableFor") {
      return input.map((key) => {
        const table = version.tableFor(level, Buffer.from(key));
        return `${key}: ${table ? tableText(table) : "none"}`;
      });
    }
    assert(command === "mayHoldBelow", `a known command: ${command}`);
    return input.map((key) => `${key}: ${String(version.mayHoldBelow(level, Buffer.from(key)))}`);
  });
});

function applied(version: Version, input: readonly string[]): Version | InvalidEditError {
  const removed = input.flatMap((line) => {
    const [level, ...numbers] = line.slice(1).split(/:? +/);
    return line.startsWith("-") ? numbers.map((number) => ({ level: Number(level), number: Number(number) })) : [];
  });
  const added = parseTables(input.filter((line) => line.startsWith("+")).map((line) => line.slice(1)));
  try {
    return version.apply({ added, removed });
  } catch (error) {
    if (error instanceof InvalidEditError) return error;
    throw error;
  }
}

const withDefault = (lines: string[], otherwise: string): string[] => (lines.length > 0 ? lines : [otherwise]);
