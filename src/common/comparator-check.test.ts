import { expect, test } from "vitest";
import { checkedComparator } from "./comparator.ts";

const a = Buffer.from("a");
const b = Buffer.from("b");

test("a checked comparator answers as the comparator does", () => {
  const checked = checkedComparator({ name: "reverse", compare: (x, y) => Buffer.compare(y, x) });
  expect(checked.compare(a, b)).toBe(1);
  expect(checked.compare(b, a)).toBe(-1);
  expect(checked.compare(a, Buffer.from("a"))).toBe(0);
  expect(checked.name).toBe("reverse");
});

test.each([
  ["always says less", () => -1],
  ["calls different keys equal", () => 0],
  ["gives no number", () => Number.NaN],
])("a comparator that %s is refused", (_what, compare) => {
  expect(() => checkedComparator({ name: "broken", compare }).compare(a, b)).toThrow(/no total order/);
});

test("a comparator that does not know a key from itself is refused", () => {
  const checked = checkedComparator({ name: "broken", compare: () => 1 });
  expect(() => checked.compare(a, Buffer.from("a"))).toThrow(/no total order/);
});
