// A notation for tables, versions and plans, and the text goldens that use it. Blocks are separated by blank lines:
//
//   # what the block shows
//   command arguments
//   input lines
//   ----
//   expected lines
//
// UPDATE_GOLDENS=1 rewrites the expected lines.

import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { assert } from "../common/assert.ts";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import type { PickerOptions } from "./compaction-picker.ts";
import { makePlan, type CompactionPlan } from "./compaction-plan.ts";
import { hasOpenEnd, type TableMeta } from "./table-meta.ts";
import { Version } from "./version.ts";

export const ORDER: KeyOrder = new KeyOrder(bytewise);

/** Compares a golden file with what `answer` says to each of its blocks. */
export function checkGolden(
  name: string,
  answer: (command: string, given: string[], input: string[]) => string[],
): void {
  const file = new URL(`testdata/${name}`, import.meta.url);
  const text = readFileSync(file, "utf8");
  const blocks = text.trimEnd().split(/\n\n+/);
  const actual = blocks.map((block) => {
    const asked = block.split("\n----")[0]!;
    const [line, ...input] = asked.split("\n").filter((each) => !each.startsWith("#"));
    if (line === undefined) return asked;
    const [command, ...given] = line.split(" ");
    return `${asked}\n----\n${answer(command!, given, input).join("\n")}`;
  });
  const rewritten = `${actual.join("\n\n")}\n`;
  if (process.env["UPDATE_GOLDENS"] === "1") writeFileSync(file, rewritten);
  else expect(rewritten).toBe(text);
}

/**
 * A table as `7[a-c],size=50,deletes=2`; `7[a-c)` has an open end. Unless said otherwise it has 100 bytes, 10 entries,
 * no deletes, its number as epoch and tag, and the sequence numbers 70 to 79, the greatest at its smallest key.
 */
export function parseTable(text: string): TableMeta {
  const match = /^(\d+)\[(\w+)-(\w+)([\])])((?:,\w+=[\d-]+)*)$/.exec(text);
  assert(match !== null, `a table in the notation: ${text}`);
  const number = Number(match[1]);
  const given = new Map(match[5]!.split(",").map((pair) => pair.split("=") as [string, string]));
  const field = (name: string, otherwise: number): number => Number(given.get(name) ?? otherwise);
  const [least, greatest] = (given.get("seq") ?? `${number * 10}-${number * 10 + 9}`).split("-").map(Number);
  return {
    number,
    size: field("size", 100),
    tag: field("tag", number),
    epoch: field("epoch", number),
    smallest: { key: Buffer.from(match[2]!), sequence: field("smallest", greatest!), kind: Kind.put },
    largest:
      match[4] === ")"
        ? { key: Buffer.from(match[3]!), sequence: SEQUENCE_MAX, kind: Kind.deleteRange }
        : { key: Buffer.from(match[3]!), sequence: field("largest", least!), kind: Kind.put },
    leastSequence: least!,
    greatestSequence: greatest!,
    entries: field("entries", 10),
    deletes: field("deletes", 0),
  };
}

/** Lines `LEVEL: TABLE TABLE …` as tables with their levels. */
export function parseTables(lines: readonly string[]): { level: number; table: TableMeta }[] {
  return lines.flatMap((line) => {
    const [level, ...tables] = line.split(/:? +/);
    return tables.map((text) => ({ level: Number(level), table: parseTable(text) }));
  });
}

/** The levels in the order given, sound or not. */
export function parseVersion(lines: readonly string[], numLevels: number): Version {
  const levels: TableMeta[][] = Array.from({ length: numLevels }, () => []);
  for (const { level, table } of parseTables(lines)) levels[level]!.push(table);
  return Version.unchecked(ORDER, levels);
}

export function tableText(table: TableMeta): string {
  return `${table.number}[${text(table.smallest.key)}-${text(table.largest.key)}${hasOpenEnd(table) ? ")" : "]"}`;
}

export function versionText(version: Version): string[] {
  const lines = version.levels.map((tables, level) => `${level}: ${tables.map(tableText).join(" ")}`);
  return lines.filter((line) => line.includes("["));
}

export function planText(plan: CompactionPlan | undefined): string[] {
  if (!plan) return ["nothing"];
  const { reason, inputs, outputLevel, trivialMove, grandparents, smallest, largest, cursor } = plan;
  const taken = inputs.map(({ level, tables }) => `${level}: ${tables.map(tableText).join(" ")}`);
  return [
    `${reason}${trivialMove ? " move" : ""}: ${taken.join(" + ")} -> ${outputLevel}, keys ${text(smallest)} to ${text(largest)}`,
    ...(grandparents.length > 0 ? [`grandparents ${grandparents.map(tableText).join(" ")}`] : []),
    ...(cursor ? [`cursor ${text(cursor.key)} of ${cursor.level}`] : []),
  ];
}

/** `1:5 2:6,7 -> 2`: a plan that takes table 5 of level 1 and 6 and 7 of level 2 to level 2. */
export function parsePlan(version: Version, line: string): CompactionPlan {
  const [taken, outputLevel] = line.split(" -> ");
  const inputs = taken!.split(" ").map((part) => {
    const [level, numbers] = part.split(":");
    const tables = numbers!.split(",").map((number) => {
      const table = version.levels[Number(level)]!.find((each) => each.number === Number(number));
      assert(table !== undefined, `a table that is there: ${part}`);
      return table;
    });
    return { level: Number(level), tables };
  });
  return makePlan(version, { reason: "size", inputs, outputLevel: Number(outputLevel), trivialMove: false });
}

/** Levels of 100, 1000, … bytes, tables of 100. */
export const OPTIONS: PickerOptions = {
  numLevels: 4,
  targetFileSize: 100,
  maxBytesForLevelBase: 100,
  maxBytesForLevelMultiplier: 10,
  level0FileNumCompactionTrigger: 4,
  writeBufferSize: 400,
};

export function parseOptions(given: readonly string[]): PickerOptions {
  const options = { ...OPTIONS, ...Object.fromEntries(given.map((pair) => pair.split("="))) } as PickerOptions;
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, Number(value)]),
  ) as unknown as PickerOptions;
}

export function text(key: Uint8Array): string {
  return Buffer.from(key).toString();
}
