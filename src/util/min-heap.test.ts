import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MinHeap } from "./min-heap.ts";

test("items come out in the order of what they stand for, ties by number, whatever was pushed when", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 40 }), (values) => {
      const heap = new MinHeap((a, b) => values[a]! - values[b]!);
      for (const item of values.keys()) heap.push(item);
      expect(heap.size).toBe(values.length);
      const popped = Array.from(values, () => heap.pop());
      const sorted = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
      expect(popped).toEqual(sorted);
      expect([heap.size, heap.top, heap.pop()]).toEqual([0, undefined, undefined]);
    }),
  );
});

test("a merge by growing the top, as a merging cursor does it, yields everything in order", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(30), { maxLength: 12 }), { maxLength: 8 }), (lists) => {
      const queues = lists.map((list) => list.toSorted((a, b) => a - b));
      const heap = new MinHeap((a, b) => queues[a]![0]! - queues[b]![0]!);
      for (const [item, queue] of queues.entries()) if (queue.length > 0) heap.push(item);
      const merged: number[] = [];
      for (let top = heap.top; top !== undefined; top = heap.top) {
        merged.push(queues[top]!.shift()!);
        if (queues[top]!.length > 0) heap.fixTop();
        else heap.pop();
      }
      expect(merged).toEqual(lists.flat().sort((a, b) => a - b));
    }),
  );
});

test("a cleared heap is empty and can be used again", () => {
  const heap = new MinHeap((a, b) => a - b);
  for (const item of [3, 1, 2]) heap.push(item);
  heap.clear();
  heap.fixTop();
  expect([heap.size, heap.top]).toEqual([0, undefined]);
  heap.push(5);
  expect(heap.pop()).toBe(5);
});
