// Text goldens of the merging and the visible cursor: testdata/cursors-*.txt. Blocks are separated by blank lines:
//
//   # what the block shows
//   command arguments
//   input lines
//   ----
//   expected lines
//
//   define                          one child a line: its entries; "level:" before them and "|" between them make tables
//   merge                           moves of a merging cursor over the children, one a line: next, seek KEY#SEQUENCE, …
//   visible SEQUENCE [lower=] [upper=]    moves of a visible cursor over that: next, seek KEY, …
//
// UPDATE_GOLDENS=1 rewrites the expected lines.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { assert } from "../common/assert.ts";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { ArrayCursor, cursorText, parseEntry, type ArrayTable } from "./array-cursor.test-support.ts";
import { LevelCursor } from "./level-cursor.ts";
import { MergingCursor } from "./merging-cursor.ts";
import { VisibleCursor, type VisibleBounds } from "./visible-cursor.ts";
import { visibleText } from "./visible-moves.test-support.ts";

const ORDER = new KeyOrder(bytewise);
const TESTDATA = new URL("testdata/", import.meta.url);

for (const name of readdirSync(TESTDATA).filter((file) => /^cursors.*\.txt$/.test(file))) {
  test(`${name} says what the cursors do`, () => {
    const file = new URL(name, TESTDATA);
    const text = readFileSync(file, "utf8");
    const actual = rewrite(text);
    if (process.env["UPDATE_GOLDENS"] === "1") writeFileSync(file, actual);
    else expect(actual).toBe(text);
  });
}

function rewrite(text: string): string {
  let children: string[] = [];
  const blocks = text
    .trimEnd()
    .split(/\n\n+/)
    .map((block) => {
      const asked = block.split("\n----")[0]!;
      const [command, ...input] = asked.split("\n").filter((line) => !line.startsWith("#"));
      if (command === undefined) return asked;
      if (command === "define") children = input;
      return `${asked}\n----\n${answer(command, input, children).join("\n")}`;
    });
  return `${blocks.join("\n\n")}\n`;
}

function answer(command: string, input: readonly string[], children: readonly string[]): string[] {
  const [verb, ...given] = command.split(" ");
  if (verb === "define") return [`children: ${input.length}`];
  const merging = new MergingCursor(ORDER, children.map(childOf));
  if (verb === "merge") return input.map((line) => `${line}: ${moveMerging(merging, line)}`);
  assert(verb === "visible", `a known command: ${command}`);
  const visible = new VisibleCursor(ORDER, merging, Number(given[0]), boundsOf(given.slice(1)));
  return input.map((line) => `${line}: ${moveVisible(visible, line)}`);
}

function childOf(line: string): InternalCursor {
  const isLevel = line.startsWith("level:");
  const tables = line.replace("level:", "").split("|").map(tableOf);
  const open = (table: ArrayTable): InternalCursor => new ArrayCursor(ORDER, table.entries);
  return isLevel ? new LevelCursor(ORDER, tables, open) : open(tables[0]!);
}

function tableOf(text: string): ArrayTable {
  const entries = text.trim().split(/ +/).map(parseEntry);
  return { smallest: entries[0]!, largest: entries.at(-1)!, entries };
}

function boundsOf(given: readonly string[]): VisibleBounds {
  const bounds = given.map((text) => text.split("="));
  return Object.fromEntries(bounds.map(([name, key]) => [name, Buffer.from(key!)]));
}

function moveMerging(cursor: MergingCursor, line: string): string {
  const [move, target] = line.split(" ");
  if (move === "seek" || move === "seekForPrev") {
    const [key, sequence] = target!.split("#");
    cursor[move](Buffer.from(key!), Number(sequence));
  } else step(cursor, line);
  return cursorText(cursor);
}

function moveVisible(cursor: VisibleCursor, line: string): string {
  const [move, target] = line.split(" ");
  if (move === "seek" || move === "seekForPrev") cursor[move](Buffer.from(target!));
  else step(cursor, line);
  return visibleText(cursor);
}

function step(cursor: MergingCursor | VisibleCursor, move: string): void {
  assert(move === "first" || move === "last" || move === "next" || move === "prev", `a known move: ${move}`);
  cursor[move]();
}
