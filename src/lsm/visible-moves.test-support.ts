// The reference for visible cursors: the visible entries worked out in the most naive way, and an index into them.

import { equalBytes } from "../common/bytes.ts";
import type { KeyOrder } from "../common/comparator.ts";
import { Kind } from "../common/internal-key.ts";
import type { Entry } from "./array-cursor.test-support.ts";
import type { VisibleBounds, VisibleCursor } from "./visible-cursor.ts";

export type VisibleMove =
  | { readonly name: "first" | "last" | "next" | "prev" }
  | { readonly name: "seek" | "seekForPrev"; readonly key: Uint8Array };

export function applyVisibleMove(cursor: VisibleCursor | NaiveVisible, move: VisibleMove): void {
  if (move.name === "seek" || move.name === "seekForPrev") cursor[move.name](move.key);
  else cursor[move.name]();
}

export function visibleText(cursor: VisibleCursor | NaiveVisible): string {
  return cursor.valid ? `${Buffer.from(cursor.key).toString()}=${Buffer.from(cursor.value).toString()}` : ".";
}

/** Of each key the newest version at `sequence`, unless deleted, within the bounds, in order. */
export function visibleEntries(
  order: KeyOrder,
  entries: readonly Entry[],
  sequence: number,
  { lower, upper }: VisibleBounds,
): Entry[] {
  const newest = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.sequence > sequence) continue;
    const text = Buffer.from(entry.key).toString("hex");
    if ((newest.get(text)?.sequence ?? -1) < entry.sequence) newest.set(text, entry);
  }
  return [...newest.values()]
    .filter(({ kind }) => kind === Kind.put)
    .filter(({ key }) => !lower || order.compare(key, lower) >= 0)
    .filter(({ key }) => !upper || order.compare(key, upper) < 0)
    .sort((a, b) => order.compare(a.key, b.key));
}

export class NaiveVisible {
  readonly #order: KeyOrder;
  readonly #entries: readonly Entry[];
  #at = -1;

  constructor(order: KeyOrder, entries: readonly Entry[]) {
    this.#order = order;
    this.#entries = entries;
  }

  get valid(): boolean {
    return this.#at in this.#entries;
  }

  get key(): Uint8Array {
    return this.#entries[this.#at]!.key;
  }

  get value(): Uint8Array {
    return this.#entries[this.#at]!.value;
  }

  first(): void {
    this.#at = 0;
  }

  last(): void {
    this.#at = this.#entries.length - 1;
  }

  seek(key: Uint8Array): void {
    this.#at = this.#entries.findIndex((entry) => this.#order.compare(entry.key, key) >= 0);
  }

  seekForPrev(key: Uint8Array): void {
    this.#at = this.#entries.findLastIndex((entry) => this.#order.compare(entry.key, key) <= 0);
  }

  next(): void {
    if (this.valid) this.#at++;
  }

  prev(): void {
    if (this.valid) this.#at--;
  }
}

/** Where the walk first led the two to different entries, as text; empty when it never did. */
export function visibleDifferences(tested: VisibleCursor, naive: NaiveVisible, walk: readonly VisibleMove[]): string[] {
  for (let i = 0; i < walk.length; i++) {
    applyVisibleMove(tested, walk[i]!);
    applyVisibleMove(naive, walk[i]!);
    if (tested.valid === naive.valid) {
      if (!tested.valid) continue;
      if (equalBytes(tested.key, naive.key) && equalBytes(tested.value, naive.value)) continue;
    }
    const before = walk.slice(Math.max(0, i - 5), i + 1).map(visibleMoveText);
    return [`${before.join(" ")}: ${visibleText(tested)} instead of ${visibleText(naive)}`];
  }
  return [];
}

export function visibleMoveText(move: VisibleMove): string {
  if (move.name !== "seek" && move.name !== "seekForPrev") return move.name;
  return `${move.name}(${Buffer.from(move.key).toString()})`;
}
