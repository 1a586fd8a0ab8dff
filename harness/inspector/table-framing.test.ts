import { crc32 } from "node:zlib";
import { open } from "tinykv";
import { expect, test } from "vitest";
import { lp, u32, varint } from "./encode/fields.ts";
import { frameTable, type FramedTable } from "./table-framing.ts";
import { busySession, bytesOf, flipped, MemoryStore, namesWith, ROOT, SMALL } from "./stores.test-support.ts";

function tablesOf(act: Parameters<MemoryStore["session"]>[0], options = SMALL): Map<string, Uint8Array> {
  const store = new MemoryStore();
  store.session(act, options);
  const image = store.image();
  return new Map(namesWith(image, ".sst").map((name) => [name, bytesOf(image, name)]));
}

test("tables of the engine are framed whole: every block verifies and is where it should be", () => {
  const shapes = new Set<string>();
  for (const [name, bytes] of tablesOf(busySession)) {
    const { problem, blocks, index, footer, properties } = frameTable(bytes);
    expect([name, problem, blocks.every(({ verifies }) => verifies)]).toEqual([name, undefined, true]);
    expect([footer!.fileNumber, properties!.fileNumber]).toEqual(Array(2).fill(Number.parseInt(name, 10)));
    expect(index.length).toBe(properties!.dataBlocks);
    expect(index.at(-1)!.separator.key >= properties!.largest.key).toBe(true);
    const roles = blocks.map(({ role }) => role).join(" ");
    expect(roles).toMatch(/^(data )+filter (indexPartition )*index properties metaindex$/);
    shapes.add(roles.includes("indexPartition") ? "two levels" : "one level");
  }
  expect(shapes.size).toBe(2);
});

test("one put makes a table of one block, as docs/formats.md dumps it", () => {
  const [[, bytes]] = tablesOf((db) => {
    db.put("foo", "bar");
    db.flush();
  }, {}) as unknown as [[string, Uint8Array]];
  const { blocks, index, properties } = frameTable(bytes);
  expect(blocks.map(({ role, offset, length }) => [role, offset, length]).slice(0, 4)).toEqual([
    ["data", 0, 23],
    ["filter", 28, 72],
    ["index", 105, 8],
    ["properties", 118, expect.any(Number)],
  ]);
  expect(index).toEqual([
    { separator: { key: "g", sequence: 2 ** 53 - 1, kind: 15 }, offset: 0, length: 23, first: 0 },
  ]);
  expect(properties).toMatchObject({
    entries: 1,
    deletes: 0,
    rawKeyBytes: 3,
    rawValueBytes: 3,
    comparatorName: "tinykv.bytewise",
    smallest: { key: "foo", sequence: 1, kind: 1 },
    inputs: [],
    obsolete: [],
  });
});

test("every flipped bit of a table is noticed, in the block where it is; nothing throws", () => {
  for (const bytes of tablesOf(busySession).values()) {
    for (let offset = 0; offset < bytes.length; offset++) {
      const table = frameTable(flipped(bytes, offset, offset % 8));
      const bad = table.blocks.filter(({ verifies }) => !verifies);
      if (table.problem === undefined) expect(bad.length).toBe(1);
      for (const block of bad) expect(offset - block.offset).toBeLessThan(block.length + 5);
    }
    for (let length = 0; length < bytes.length; length += 7)
      expect(frameTable(bytes.subarray(0, length)).problem).toBeDefined();
  }
});

test("a table under another tag, or at another place, does not verify", () => {
  const [bytes] = tablesOf(busySession).values();
  const moved: FramedTable = frameTable(Buffer.concat([bytes!.subarray(1), bytes!.subarray(0, 1)]));
  expect(moved.problem).toMatch(/magic/);
  const swapped = Uint8Array.from(bytes!);
  const { blocks } = frameTable(bytes!);
  const [a, b] = blocks.filter(({ role }) => role === "data") as [(typeof blocks)[0], (typeof blocks)[0]];
  swapped.set(bytes!.subarray(a.offset, a.offset + 20), b.offset);
  expect(
    frameTable(swapped)
      .blocks.filter(({ verifies }) => !verifies)
      .map(({ offset }) => offset),
  ).toEqual([b.offset]);
});

test("a gap between blocks is a problem, however well everything verifies", () => {
  const [bytes] = tablesOf(busySession).values();
  const { footer, blocks } = frameTable(bytes!);
  const named = blocks.filter(({ name }) => name !== "");
  const again = (names: readonly string[]): FramedTable => {
    const kept = named.filter(({ name }) => names.includes(name));
    const entries = kept.flatMap(({ name, offset, length }) => [lp(Buffer.from(name)), varint(offset), varint(length)]);
    const block = Buffer.concat([varint(kept.length), ...entries, Buffer.alloc(1)]);
    const at = footer!.metaindexOffset;
    const trailer = u32((crc32(block) + footer!.tag + at) % 2 ** 32);
    const end = Buffer.from(bytes!.subarray(footer!.offset));
    end.writeUInt32LE(block.length - 1, 32);
    const start = at + block.length + 4;
    end.writeBigUInt64LE(BigInt(start + 72), 40);
    end.writeUInt32LE(0, 56);
    end.writeUInt32LE((crc32(end) + footer!.tag + start) % 2 ** 32, 56);
    return frameTable(Buffer.concat([bytes!.subarray(0, at), block, trailer, end]));
  };
  expect(again(["filter", "index", "properties"]).problem).toBeUndefined();
  expect(again(["index", "properties"]).problem).toMatch(/does not lie beside/);
  expect(again(["filter", "properties"]).problem).toMatch(/no index/);
  expect(again(["filter", "index"]).problem).toMatch(/no properties/);
});

test("structure that verifies and is wrong all the same throws nothing", () => {
  let problems = 0;
  for (const bytes of tablesOf(busySession).values()) {
    const { blocks, footer } = frameTable(bytes);
    for (const { role, offset, length } of blocks) {
      if (role === "data" || role === "filter") continue;
      for (let at = offset; at <= offset + length; at++) {
        for (const value of [0, 0x7f, 0xff]) {
          const wrong = Buffer.from(bytes);
          wrong[at] = value;
          const sum = crc32(wrong.subarray(offset, offset + length + 1)) + footer!.tag + offset;
          wrong.writeUInt32LE(sum % 2 ** 32, offset + length + 1);
          if (frameTable(wrong).problem !== undefined) problems++;
        }
      }
    }
  }
  expect(problems).toBeGreaterThan(500);
});

test("what a compaction says of its inputs names tables that were there", () => {
  const store = new MemoryStore();
  const db = open(ROOT, { ...SMALL, env: store.env });
  for (const round of ["a", "b"]) {
    for (let i = 0; i < 20; i++) db.put(`key${i}`, round.repeat(40));
    db.flush();
  }
  const before = new Map(
    namesWith(store.image(), ".sst").map((name) => [Number.parseInt(name, 10), store.read(`${ROOT}/${name}`)]),
  );
  db.compactRange();
  const image = store.image();
  const inputs = namesWith(image, ".sst").flatMap((name) => frameTable(bytesOf(image, name)).properties!.inputs);
  expect(inputs.length).toBeGreaterThan(0);
  for (const { number, tag } of inputs) expect(frameTable(before.get(number)!).footer!.tag).toBe(tag);
});
