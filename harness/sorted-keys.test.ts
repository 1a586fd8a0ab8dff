import { expect, test } from "vitest";
import { SortedKeys } from "./sorted-keys.ts";
import { Random } from "./workloads/random.ts";

test("it is a sorted array, through splits and emptied chunks, from every place and in both directions", () => {
  const random = new Random("sorted-keys");
  const keys = new SortedKeys();
  const reference = new Set<string>();
  const check = (from?: string): void => {
    const sorted = [...reference].sort((a, b) => (a < b ? -1 : 1));
    const up = sorted.filter((key) => from === undefined || key >= from);
    const down = sorted.filter((key) => from === undefined || key <= from).reverse();
    expect([...keys.ascending(from)]).toEqual(up);
    expect([...keys.descending(from)]).toEqual(down);
    expect(keys.size).toBe(reference.size);
  };
  check();
  for (const growth of [3, 1, 3, 0]) {
    for (let i = 0; i < 3000; i++) {
      const key = String.fromCharCode(random.int(40), random.int(256));
      if (reference.has(key)) {
        if (random.chance(growth, 4)) continue;
        reference.delete(key);
        keys.remove(key);
      } else if (growth > 0) {
        reference.add(key);
        keys.add(key);
      }
    }
    check();
    for (let i = 0; i < 20; i++) check(String.fromCharCode(random.int(42), random.int(256)));
  }
  for (const key of reference) keys.remove(key);
  reference.clear();
  check();
  check("a");
});
