import { expect, test } from "vitest";
import { AssertionError } from "../common/assert.ts";
import { KeyOrder, bytewise } from "../common/comparator.ts";
import type { Memtable } from "../memtable/memtable.ts";
import { Lease, MemtableMemory } from "./memtable-memory.ts";

const order = new KeyOrder(bytewise);
const CAPACITY = 4096;

function memoryOf({ most = 3 }: { most?: number } = {}): {
  memory: MemtableMemory;
  make: (capacity?: number) => { lease: Lease; buffer: SharedArrayBuffer; memtable: Memtable };
} {
  const memory = new MemtableMemory(CAPACITY, most);
  let seed = 0;
  const make = (capacity = CAPACITY): ReturnType<ReturnType<typeof memoryOf>["make"]> => {
    const memtable = memory.make({ order, capacity, seed: ++seed });
    return { memtable, lease: new Lease(memtable), buffer: memtable.frozenBuffer };
  };
  return { memory, make };
}

test("memory serves again when the store has let go of its memtable, not before", () => {
  const { memory, make } = memoryOf();
  const first = make();
  const second = make();
  expect(second.buffer).not.toBe(first.buffer);
  memory.letGo(first.lease);
  expect(memory.bytes).toEqual({ free: first.buffer.byteLength, held: 0 });
  expect(make().buffer).toBe(first.buffer);
  expect(make().buffer).not.toBe(second.buffer);
  expect([first.memtable.isAlive, second.memtable.isAlive]).toEqual([false, true]);
});

test("held memory serves again when the last hold is released, in whatever order the store lets go", () => {
  const { memory, make } = memoryOf();
  const first = make();
  const holds = [memory.hold([first.lease]), memory.hold([first.lease])];
  memory.letGo(first.lease);
  expect(memory.bytes).toEqual({ free: 0, held: first.buffer.byteLength });
  holds[0]!.release();
  holds[0]!.release();
  expect(make().buffer).not.toBe(first.buffer);
  holds[1]!.release();
  expect(make().buffer).toBe(first.buffer);

  const last = make();
  const hold = memory.hold([last.lease]);
  hold.release();
  expect(make().buffer).not.toBe(last.buffer);
  memory.letGo(last.lease);
  expect(make().buffer).toBe(last.buffer);
});

test("spoilt memory never serves again; spoiling one memory leaves the others of the hold", () => {
  const { memory, make } = memoryOf();
  const [first, second] = [make(), make()];
  const hold = memory.hold([first.lease, second.lease]);
  hold.spoil(first.buffer);
  memory.letGo(first.lease);
  hold.release();
  memory.letGo(second.lease);
  expect(memory.bytes).toEqual({ free: second.buffer.byteLength, held: 0 });
  const third = make();
  const whole = memory.hold([third.lease]);
  whole.spoil();
  whole.release();
  memory.letGo(third.lease);
  expect(memory.bytes).toEqual({ free: 0, held: 0 });
});

test("no more is kept than the store can need, and what many memtables had no use for goes", () => {
  const { memory, make } = memoryOf({ most: 2 });
  const size = make().buffer.byteLength;
  for (const { lease } of [make(), make(), make(), make()]) memory.letGo(lease);
  expect(memory.bytes.free).toBe(2 * size);
  for (let i = 0; i < 8; i++) {
    const { lease } = make();
    expect(memory.bytes.free).toBe(size);
    memory.letGo(lease);
  }
  make();
  expect(memory.bytes.free).toBe(0);
});

test("holds that are never released keep no more than the store may have", () => {
  const { memory, make } = memoryOf({ most: 2 });
  const holds = Array.from({ length: 10 }, () => {
    const { lease } = make();
    const hold = memory.hold([lease]);
    memory.letGo(lease);
    return hold;
  });
  expect(memory.bytes).toEqual({ free: 0, held: 2 * make().buffer.byteLength });
  for (const hold of holds) hold.release();
  expect(memory.bytes).toMatchObject({ held: 0 });
  expect(memory.bytes.free).toBeLessThanOrEqual(2 * make().buffer.byteLength);
});

test("an oversized memtable's memory serves others of its size, and not the usual ones", () => {
  const { memory, make } = memoryOf();
  const large = make(100_000);
  expect(large.memtable.capacity).toBe(100_000);
  memory.letGo(large.lease);
  const usual = make();
  expect(usual.buffer.byteLength).toBeLessThan(2 * CAPACITY);
  const again = make(90_000);
  expect([again.buffer, again.memtable.capacity]).toEqual([large.buffer, 90_000]);
  memory.letGo(again.lease);
  for (let i = 0; i < 9; i++) memory.letGo(make().lease);
  expect(memory.bytes.free).toBe(usual.buffer.byteLength);
});

test("a closed store keeps nothing, and what is released later is not taken back", () => {
  const { memory, make } = memoryOf();
  const [first, second] = [make(), make()];
  const hold = memory.hold([first.lease]);
  memory.letGo(first.lease);
  memory.letGo(second.lease);
  memory.close();
  hold.release();
  expect(memory.bytes).toEqual({ free: 0, held: 0 });
  expect(() => memory.letGo(first.lease)).toThrow(AssertionError);
});
