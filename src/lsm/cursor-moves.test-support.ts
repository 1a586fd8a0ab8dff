// Moves of cursors as data, for tests: one walk for the cursor under test and for a naive one.

import { equalBytes } from "../common/bytes.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { cursorText } from "./array-cursor.test-support.ts";

export type Move =
  | { readonly name: "first" | "last" | "next" | "prev" }
  | { readonly name: "seek" | "seekForPrev"; readonly key: Uint8Array; readonly sequence: number };

/** Steps from a cursor that is not valid are nothing; the array cursor is too strict to be asked. */
export function applyMove(cursor: InternalCursor, move: Move): void {
  switch (move.name) {
    case "seek":
    case "seekForPrev":
      cursor[move.name](move.key, move.sequence);
      return;
    case "first":
    case "last":
      cursor[move.name]();
      return;
    case "next":
    case "prev":
      if (cursor.valid) cursor[move.name]();
  }
}

/** Where the walk first led the two cursors to different entries, as text; empty when it never did. */
export function differences(tested: InternalCursor, naive: InternalCursor, walk: readonly Move[]): string[] {
  for (let i = 0; i < walk.length; i++) {
    const move = walk[i]!;
    // Asked also when it is not valid: it must stay so.
    if (move.name === "next" || move.name === "prev") tested[move.name]();
    else applyMove(tested, move);
    applyMove(naive, move);
    if (sameEntry(tested, naive)) continue;
    const before = walk.slice(Math.max(0, i - 5), i + 1).map(moveText);
    return [`${before.join(" ")}: ${cursorText(tested)} instead of ${cursorText(naive)}`];
  }
  return [];
}

function sameEntry(a: InternalCursor, b: InternalCursor): boolean {
  if (!a.valid || !b.valid) return a.valid === b.valid;
  return a.sequence === b.sequence && a.kind === b.kind && equalBytes(a.key, b.key) && equalBytes(a.value, b.value);
}

export function moveText(move: Move): string {
  if (move.name !== "seek" && move.name !== "seekForPrev") return move.name;
  return `${move.name}(${Buffer.from(move.key).toString()}#${move.sequence})`;
}

/**
 * A walk in which every sequence of `length` symbols of 0..alphabet-1 occurs once: a de Bruijn sequence (the
 * concatenated Lyndon words whose length divides `length`, Fredricksen and Maiorana 1978), its beginning repeated.
 */
export function deBruijnWalk(alphabet: number, length: number): number[] {
  const walk: number[] = [];
  const word = Array.from({ length: length + 1 }, () => 0);
  const extend = (at: number, period: number): void => {
    if (at > length) {
      if (length % period === 0) walk.push(...word.slice(1, period + 1));
      return;
    }
    word[at] = word[at - period]!;
    extend(at + 1, period);
    for (let symbol = word[at - period]! + 1; symbol < alphabet; symbol++) {
      word[at] = symbol;
      extend(at + 1, at);
    }
  };
  extend(1, 1);
  return [...walk, ...walk.slice(0, length - 1)];
}

/** Every way to give each of `count` things one of `choices` answers. */
export function* assignments(count: number, choices: number): Generator<number[]> {
  for (let code = 0; code < choices ** count; code++) {
    yield Array.from({ length: count }, (_, i) => Math.floor(code / choices ** i) % choices);
  }
}
