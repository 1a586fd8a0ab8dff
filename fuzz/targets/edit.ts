// A version edit: the payload of a record of the manifest; and the internal key as the field that it is in edits and properties.

import { isDeepStrictEqual } from "node:util";
import {
  ByteReader,
  ByteWriter,
  decodeEdit,
  encodeEdit,
  Kind,
  putInternalKey,
  takeInternalKey,
  type TableMeta,
  type VersionEdit,
} from "tinykv/formats";
import type { Random } from "tinykv/harness";
import { Drafter } from "../draft.ts";
import { demand, misplacedIn, sameBytes, type Target } from "../target.ts";
import { BYTEWISE, bytesOf, DATABASE_ID, integerOf, internalKeyOf } from "./values.ts";

const FILE = "MANIFEST-000005";
const BASE = 83;

const Tag = { comparator: 2, databaseId: 4, newTable: 12, removedTable: 14, compactionCursor: 17 };

/** As many as any store has (docs/formats.md). */
const LEVELS = 12;

function dissectKey(drafter: Drafter): void {
  drafter.lengthPrefixed();
  drafter.varint();
  drafter.u8();
}

/** The fields of an edit, in a larger draft or alone. */
export function dissectEdit(drafter: Drafter): void {
  const list = drafter.newList();
  while (drafter.remaining > 0) {
    drafter.group(list, () => {
      const tag = drafter.varint();
      drafter.sized(() => dissectField(drafter, tag));
    });
  }
}

function dissectField(drafter: Drafter, tag: number): void {
  if (tag === Tag.newTable) {
    for (let i = 0; i < 5; i++) drafter.varint();
    dissectKey(drafter);
    dissectKey(drafter);
    for (let i = 0; i < 4; i++) drafter.varint();
  } else if (tag === Tag.compactionCursor) drafter.varint();
  else if (tag !== Tag.comparator && tag !== Tag.databaseId) while (drafter.remaining > 0) drafter.varint();
}

/** A table as a sound version has it. */
export function tableOf(random: Random, number: number, epoch: number): TableMeta {
  const keys = [internalKeyOf(random), internalKeyOf(random)].sort((a, b) => BYTEWISE.compare(a.key, b.key));
  const [smallest, largest] = [keys[0]!, keys[1]!];
  const sequences = [smallest.sequence, largest.sequence].sort((a, b) => a - b);
  const entries = random.between(2, 1000);
  return {
    number,
    size: random.between(100, 100_000),
    tag: random.int(2 ** 32),
    epoch,
    smallest,
    largest,
    leastSequence: Math.max(0, sequences[0]! - random.int(3)),
    greatestSequence: sequences[1]!,
    entries,
    deletes: random.int(entries),
  };
}

export function editOf(random: Random): VersionEdit {
  const some = <T>(make: () => T): T[] => Array.from({ length: random.int(3) }, make);
  const maybe = (): boolean => random.chance(1, 2);
  return {
    ...(maybe() && { comparatorName: random.pick(["tinykv.bytewise", "é"]) }),
    ...(maybe() && { databaseId: DATABASE_ID }),
    ...(maybe() && { logNumber: integerOf(random) }),
    ...(maybe() && { nextFileNumber: integerOf(random) }),
    ...(maybe() && { lastSequence: integerOf(random) }),
    added: some(() => ({ level: random.int(12), table: tableOf(random, integerOf(random), integerOf(random)) })),
    removed: some(() => ({ level: random.int(12), number: integerOf(random) })),
    compactionCursors: some(() => 0).map((_, level) => ({ level, key: bytesOf(random, 8) })),
  };
}

/** The tags of fields, one behind the other, read by nobody's decoder but this. */
export function tagsIn(bytes: Uint8Array): number[] {
  const drafter = new Drafter(bytes);
  const tags: number[] = [];
  drafter.dissect(() => {
    while (drafter.remaining > 0) {
      tags.push(drafter.varint());
      drafter.lengthPrefixed();
    }
  });
  return tags;
}

export const editTarget: Target = {
  name: "edit",
  modules: ["src/lsm/version-edit", "src/common/internal-key", "src/common/byte-reader"],
  bytesMax: 1024,
  memory: "sum",
  misplaced: misplacedIn(FILE, BASE),
  seed: (random) => Uint8Array.from(encodeEdit(editOf(random))),
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectEdit(drafter));
  },
  run(bytes) {
    const edit = decodeEdit(bytes, FILE, BASE);
    for (const { level } of [...(edit.added ?? []), ...(edit.removed ?? []), ...(edit.compactionCursors ?? [])])
      demand(level >= 0 && level < LEVELS, "a level is one that a store may have");
    const encoded = Uint8Array.from(encodeEdit(edit));
    if (sameBytes(encoded, bytes)) return;
    const single = tagsIn(bytes).filter((tag) => tag % 2 === 0 && tag < Tag.newTable);
    demand(new Set(single).size === single.length, "what an edit says once stands in it once");
    // Fields may come in any order, unknown ones may be passed over, varints may be longer than they need be.
    demand(encoded.length <= bytes.length, "an edit has a shortest form");
    demand(isDeepStrictEqual(decodeEdit(encoded, FILE, BASE), edit), "the shortest form decodes to the same");
  },
};

export const internalKeyTarget: Target = {
  name: "internal-key",
  modules: ["src/common/internal-key", "src/common/byte-reader"],
  bytesMax: 128,
  memory: "sum",
  misplaced: misplacedIn(FILE, BASE),
  seed: (random) => Uint8Array.from(putKey(random)),
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectKey(drafter));
  },
  run(bytes) {
    const reader = new ByteReader(bytes, FILE, BASE);
    const key = takeInternalKey(reader);
    reader.expectEnd();
    demand(KINDS.has(key.kind), "an internal key is of a kind that there is");
    demand(Number.isSafeInteger(key.sequence), "its number is at most 2^53-1");
    writer.clear();
    putInternalKey(writer, key);
    const encoded = Uint8Array.from(writer.finish());
    if (sameBytes(encoded, bytes)) return;
    demand(encoded.length < bytes.length, "an internal key has one shortest form");
    demand(isDeepStrictEqual(takeInternalKey(new ByteReader(encoded, FILE, BASE)), key), "that decodes to the same");
  },
};

const KINDS: ReadonlySet<number> = new Set(Object.values(Kind));
const writer = new ByteWriter(256);

function putKey(random: Random): Uint8Array {
  writer.clear();
  putInternalKey(writer, internalKeyOf(random));
  return writer.finish();
}
