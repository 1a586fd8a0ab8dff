import * as fc from "fast-check";
import { expect, test } from "vitest";
import { KIND_MAX } from "../common/internal-key.ts";
import { BlockBuilder } from "./block-builder.ts";
import { BlockCursor } from "./block-cursor.ts";
import { HeadsState, headsRoom } from "./block-heads.ts";
import { TRAILER_BYTES } from "./table-format.ts";
import { bytewiseOrder, put, sorted, type Entry } from "./test-tables.ts";

/** The block with zeros behind it: its trailer, and `room` bytes. */
function buildWithRoom(entries: readonly Entry[], room: number): { bytes: Uint8Array; length: number } {
  const builder = new BlockBuilder(bytewiseOrder);
  for (const { key, sequence, kind, value } of entries) builder.add(key, sequence, kind, value);
  const { bytes, length } = builder.finish();
  const roomy = new Uint8Array(length + TRAILER_BYTES + room);
  roomy.set(bytes.subarray(0, length));
  return { bytes: roomy, length };
}

function load(bytes: Uint8Array, length: number): BlockCursor {
  const cursor = new BlockCursor(bytewiseOrder, "t.sst");
  cursor.load(bytes, 0, length);
  return cursor;
}

// Few different bytes, zeros among them: heads are often equal, and often those of keys that end inside them.
const key = fc
  .array(fc.constantFrom(0, 1, 0x61, 0xff), { maxLength: 7 })
  .map((bytes) => Uint8Array.from([0x6b, ...bytes]));

test("a search by heads leads where a search of the entries leads", () => {
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 60 }), fc.array(key, { minLength: 1 }), (keys, targets) => {
      const entries = sorted(keys.map((each, i) => put(each, i + 1, "v".repeat(i % 3))));
      const { bytes, length } = buildWithRoom(entries, headsRoom(entries.length));
      const plain = load(bytes.slice(0, length), length);
      const cursor = load(bytes, length);
      for (const target of [targets[0]!, targets[0]!, ...targets, ...keys, new Uint8Array(0)]) {
        for (const sequence of [0, 5, 100]) {
          expect(cursor.seek(target, sequence, KIND_MAX)).toBe(plain.seek(target, sequence, KIND_MAX));
        }
      }
      expect(bytes[length + TRAILER_BYTES]).toBe(HeadsState.made);
    }),
  );
});

test("a block gets its heads when it is sought in for the second time, and none where there is no room for all", () => {
  const entries = Array.from({ length: 20 }, (_, i) => put(`key${String(i).padStart(2, "0")}`, 1, "v"));
  for (const [room, expected] of [
    [headsRoom(20), [HeadsState.unsought, HeadsState.soughtOnce, HeadsState.made, HeadsState.made]],
    [1 + 4 * 19, [HeadsState.unsought, HeadsState.soughtOnce, HeadsState.impossible, HeadsState.impossible]],
  ] as const) {
    const { bytes, length } = buildWithRoom(entries, room);
    const states = expected.map(() => {
      const state = bytes[length + TRAILER_BYTES];
      expect(load(bytes, length).seek(entries[7]!.key, 1, KIND_MAX)).toBe(7);
      return state;
    });
    expect(states).toEqual(expected);
  }
});
