import { expect, test } from "vitest";
import { SortedKeys, type Walk } from "./sorted-keys.ts";
import { Random } from "./workloads/random.ts";

interface Item {
  readonly key: string;
}

function listOf(walk: Walk<Item>): Item[] {
  const items: Item[] = [];
  for (let item = walk.next(); item; item = walk.next()) items.push(item);
  expect(walk.next()).toBe(undefined);
  return items;
}

test("it is a sorted array, through splits and emptied chunks, in every range and in both directions", () => {
  const random = new Random("sorted-keys");
  const keys = new SortedKeys<Item>();
  const reference = new Map<string, Item>();
  const check = (from?: string, to?: string): void => {
    const range = [...reference.values()]
      .filter(({ key }) => (from === undefined || key >= from) && (to === undefined || key < to))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(listOf(keys.walk(from, to))).toEqual(range);
    expect(listOf(keys.walk(from, to, true))).toEqual(range.reverse());
    expect(keys.size).toBe(reference.size);
  };
  const anyKey = (): string => String.fromCharCode(random.int(42), random.int(256));
  check();
  for (const growth of [3, 1, 3, 0]) {
    for (let i = 0; i < 3000; i++) {
      const key = String.fromCharCode(random.int(40), random.int(256));
      if (reference.has(key)) {
        if (random.chance(growth, 4)) continue;
        reference.delete(key);
        keys.remove(key);
      } else if (growth > 0) {
        const item = { key };
        reference.set(key, item);
        keys.add(item);
      }
    }
    check();
    for (let i = 0; i < 20; i++) check(anyKey());
    for (let i = 0; i < 20; i++) check(undefined, anyKey());
    for (let i = 0; i < 60; i++) check(anyKey(), anyKey());
    const present = [...reference.keys()];
    for (let i = 0; i < 60 && present.length > 0; i++) check(random.pick(present), random.pick(present));
  }
  for (const key of reference.keys()) keys.remove(key);
  reference.clear();
  check();
  check("a");
  check("a", "b");
});
