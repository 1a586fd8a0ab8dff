// The small parts of a table: filter, properties, range deletes, metaindex, footer.

import { isDeepStrictEqual } from "node:util";
import {
  BloomBuilder,
  BloomFilter,
  bloomHash,
  decodeFooter,
  decodeMetaindex,
  decodeProperties,
  decodeRangeDeletes,
  encodeFooter,
  encodeMetaindex,
  encodeProperties,
  encodeRangeDeletes,
  FOOTER_BYTES,
  type TableProperties,
} from "tinykv/formats";
import type { Random } from "tinykv/harness";
import { Drafter } from "../draft.ts";
import { Broken, demand, misplacedIn, sameBytes, type Target } from "../target.ts";
import { tagsIn } from "./edit.ts";
import { ascendingKeys, BYTEWISE, DATABASE_ID, integerOf, internalKeyOf, TAG } from "./values.ts";

const FILE = "000007.sst";
const BASE = 1 << 20;

/** What all of these have in common; `dissect` takes the part apart in a larger draft or alone. */
function part(
  name: string,
  modules: readonly string[],
  dissect: (drafter: Drafter) => void,
  rest: Pick<Target, "seed" | "run">,
): Target {
  return {
    name,
    modules,
    bytesMax: 1024,
    memory: "sum",
    misplaced: misplacedIn(FILE, BASE),
    dissect(bytes) {
      const drafter = new Drafter(bytes);
      return drafter.dissect(() => dissect(drafter));
    },
    ...rest,
  };
}

export function dissectFilter(drafter: Drafter): void {
  drafter.u8();
  drafter.u8();
  drafter.u16();
  drafter.u32();
  const list = drafter.newList();
  while (drafter.remaining > 0) drafter.group(list, () => drafter.bytes(Math.min(64, drafter.remaining)));
}

/** docs/formats.md, "Filter": layout, probes, u16 zero, u32 lines of 64 bytes. */
const FILTER_HEADER_BYTES = 8;
const HASHES = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, bloomHash(Buffer.from("a"))];

export const filterTarget: Target = part("filter", ["src/sst/bloom-filter"], dissectFilter, {
  seed(random) {
    const builder = new BloomBuilder(random.between(1, 32));
    const hashes = Array.from({ length: random.between(1, 60) }, () => random.int(2 ** 32));
    for (const hash of hashes) builder.add(hash);
    const block = builder.finish()!;
    const filter = BloomFilter.decode(block, BASE, FILE);
    if (!hashes.every((hash) => filter?.mayContain(hash))) throw new Broken("a filter knows what was added");
    return block;
  },
  run(bytes) {
    const filter = BloomFilter.decode(bytes, BASE, FILE);
    if (!filter) return;
    demand(filter.byteLength === bytes.length, "a filter is its block");
    const lines = Buffer.from(bytes.slice(4, 8)).readUInt32LE();
    demand(bytes.length === FILTER_HEADER_BYTES + 64 * lines, "a filter has as many lines as it says");
    for (const hash of HASHES) filter.mayContain(hash);
  },
});

export function dissectProperties(drafter: Drafter): void {
  const list = drafter.newList();
  while (drafter.remaining > 0) {
    drafter.group(list, () => {
      const property = drafter.varint() / 2;
      drafter.sized(() => dissectProperty(drafter, property));
    });
  }
}

const Property = {
  first: 1,
  databaseId: 1,
  comparatorName: 6,
  smallest: 14,
  largest: 15,
  inputs: 18,
  obsolete: 19,
  last: 21,
};

function dissectProperty(drafter: Drafter, property: number): void {
  if (property === Property.smallest || property === Property.largest) {
    drafter.lengthPrefixed();
    drafter.varint();
    drafter.u8();
  } else if (property === Property.inputs || property === Property.obsolete) {
    const list = drafter.newList();
    const at = drafter.next;
    drafter.varint();
    drafter.link(at, { kind: "count", list });
    while (drafter.remaining > 0) {
      drafter.group(list, () => {
        drafter.varint();
        drafter.varint();
      });
    }
  } else if (property !== Property.databaseId && property !== Property.comparatorName) drafter.varint();
}

export function propertiesOf(random: Random): TableProperties {
  const tables = (): { number: number; tag: number }[] =>
    Array.from({ length: random.int(4) }, () => ({ number: integerOf(random), tag: random.int(2 ** 32) }));
  return {
    fileNumber: 7,
    databaseId: DATABASE_ID,
    tag: TAG,
    epoch: integerOf(random),
    creationTime: integerOf(random),
    comparatorName: random.pick(["tinykv.bytewise", "é"]),
    entries: integerOf(random),
    deletes: integerOf(random),
    rangeDeletes: integerOf(random),
    rawKeyBytes: integerOf(random),
    rawValueBytes: integerOf(random),
    leastSequence: integerOf(random),
    greatestSequence: integerOf(random),
    smallest: internalKeyOf(random),
    largest: internalKeyOf(random),
    filterId: random.int(2),
    dataBlocks: integerOf(random),
    provenance: {
      inputs: tables(),
      obsolete: tables(),
      logNumber: integerOf(random),
      ...(random.chance(1, 4) && { repairedLogs: [integerOf(random), integerOf(random)] }),
    },
  };
}

export const propertiesTarget: Target = part(
  "properties",
  ["src/sst/properties", "src/common/internal-key"],
  dissectProperties,
  {
    seed: (random) => Uint8Array.from(encodeProperties(propertiesOf(random))),
    run(bytes) {
      const properties = decodeProperties(bytes, BASE, FILE);
      demand(properties.databaseId.length === DATABASE_ID.length, "a database id has 16 bytes");
      const encoded = Uint8Array.from(encodeProperties(plain(properties)));
      if (sameBytes(encoded, bytes)) return;
      // Unknown ones, which may be passed over, may stand there as often as they like.
      const tags = tagsIn(bytes)
        .map((tag) => Math.floor(tag / 2))
        .filter((property) => property >= Property.first && property <= Property.last);
      demand(new Set(tags).size === tags.length, "each property stands once");
      demand(encoded.length <= bytes.length, "properties have a shortest form");
      const again = plain(decodeProperties(encoded, BASE, FILE));
      demand(isDeepStrictEqual(again, plain(properties)), "the shortest form decodes to the same");
    },
  },
);

// The lists are read when they are asked for; here they are.
function plain(properties: TableProperties): TableProperties {
  const { inputs, obsolete, logNumber, repairedLogs } = properties.provenance;
  const provenance = { inputs, obsolete, logNumber, ...(repairedLogs && { repairedLogs }) };
  return { ...properties, provenance };
}

export function dissectRanges(drafter: Drafter): void {
  const list = drafter.newList();
  const at = drafter.next;
  drafter.varint();
  drafter.link(at, { kind: "count", list });
  while (drafter.remaining > 0) {
    drafter.group(list, () => {
      drafter.lengthPrefixed();
      drafter.lengthPrefixed();
      drafter.varint();
    });
  }
}

export const rangesTarget: Target = part("range-deletes", ["src/sst/range-deletes"], dissectRanges, {
  seed(random) {
    const keys = [...ascendingKeys(random, 6), Uint8Array.from([0xff])];
    const ranges = keys.slice(1).map((end, i) => ({ start: keys[i]!, end, sequence: integerOf(random) }));
    if (random.chance(1, 2)) ranges.push({ ...random.pick(ranges), end: Uint8Array.from([0xff, 0xff]) });
    return Uint8Array.from(encodeRangeDeletes(ranges, BYTEWISE));
  },
  run(bytes) {
    const ranges = decodeRangeDeletes(bytes, BASE, FILE, BYTEWISE);
    demand(ranges.length > 0, "a range-delete block is never empty");
    for (const { start, end } of ranges) demand(BYTEWISE.compare(start, end) < 0, "a range deletes something");
    const encoded = encodeRangeDeletes(ranges, BYTEWISE);
    if (sameBytes(encoded, bytes)) return;
    demand(encoded.length < bytes.length, "range deletes have one shortest form");
    const again = decodeRangeDeletes(encoded, BASE, FILE, BYTEWISE);
    demand(isDeepStrictEqual(again.map(plainRange), ranges.map(plainRange)), "it decodes to the same");
  },
});

function plainRange({ start, end, sequence }: { start: Uint8Array; end: Uint8Array; sequence: number }): unknown {
  return [Buffer.from(start).toString("hex"), Buffer.from(end).toString("hex"), sequence];
}

/** The places of the offsets by the names of the blocks. */
export function dissectMetaindex(drafter: Drafter): Map<string, number> {
  const offsets = new Map<string, number>();
  const list = drafter.newList();
  const at = drafter.next;
  drafter.varint();
  drafter.link(at, { kind: "count", list });
  while (drafter.remaining > 0) {
    drafter.group(list, () => {
      const name = Buffer.from(drafter.lengthPrefixed()).toString("latin1");
      offsets.set(name, drafter.next);
      drafter.varint();
      drafter.varint();
    });
  }
  return offsets;
}

const NAMES = ["rangeDeletes", "filter", "index", "properties", "later"];

export const metaindexTarget: Target = part(
  "metaindex",
  ["src/sst/table-format"],
  (drafter) => void dissectMetaindex(drafter),
  {
    seed(random) {
      const blocks = NAMES.filter(() => random.chance(2, 3)).map(
        (name) => [name, { offset: random.int(BASE - 5005), length: random.int(5000) }] as const,
      );
      return Uint8Array.from(encodeMetaindex(new Map(blocks)));
    },
    run(bytes) {
      const blocks = decodeMetaindex(bytes, BASE, FILE);
      for (const { offset, length } of blocks.values())
        demand(offset + length < BASE, "every block lies before the metaindex");
      const encoded = encodeMetaindex(blocks);
      if (sameBytes(encoded, bytes)) return;
      demand(encoded.length < bytes.length, "a metaindex has one shortest form");
      demand(dissected(bytes) === blocks.size, "each block stands in it once");
      demand(isDeepStrictEqual(decodeMetaindex(encoded, BASE, FILE), blocks), "it decodes to the same");
    },
  },
);

/** As many elements as a metaindex has, read by nobody's decoder but the dissection. */
function dissected(bytes: Uint8Array): number {
  const drafter = new Drafter(bytes);
  return drafter.dissect(() => void dissectMetaindex(drafter)).groups.length;
}

/** The places of some of its fields; `origin` is where the file begins. */
export function dissectFooter(drafter: Drafter, origin: number): { metaindex: number; tag: number; size: number } {
  const from = drafter.next;
  for (let i = 0; i < 4; i++) drafter.u8();
  drafter.u32();
  drafter.u64();
  drafter.u64();
  const metaindex = drafter.next;
  drafter.u64();
  drafter.u32();
  const tag = drafter.next;
  drafter.u32();
  const size = drafter.next;
  drafter.u64();
  drafter.u64();
  const checksum = drafter.next;
  drafter.u32();
  drafter.u32();
  drafter.bytes(8);
  drafter.link(checksum, { kind: "checksum", from, to: drafter.next, tag, origin, placed: true });
  return { metaindex, tag, size };
}

/** The footer alone stands here behind nothing: the file is as long as it is, and its metaindex ends where it begins. */
export const footerTarget: Target = {
  ...part("footer", ["src/sst/table-format"], (drafter) => void dissectFooter(drafter, 0), {
    seed(random) {
      const size = BASE + FOOTER_BYTES;
      const length = random.int(5000);
      const metaindex = { offset: BASE - length - 5, length };
      return sealedAtZero(
        encodeFooter({ metaindex, tag: 1 + random.int(2 ** 32 - 1), size, number: integerOf(random) }),
      );
    },
    run(bytes) {
      if (bytes.length !== FOOTER_BYTES) return;
      const footer = decodeFooter(placed(bytes), BASE, FILE);
      demand(footer.size === BASE + FOOTER_BYTES && footer.tag !== 0, "a footer is of its file");
      const encoded = encodeFooter(footer);
      // Compatible bits may be set by later versions, and are not kept.
      demand(isDeepStrictEqual(decodeFooter(encoded, BASE, FILE), footer), "a footer decodes to itself again");
      const compatible = Buffer.from(bytes.subarray(16, 24)).some((byte) => byte !== 0);
      demand(compatible || sameBytes(sealedAtZero(encoded), bytes), "a footer has one form");
    },
  }),
  bytesMax: FOOTER_BYTES,
};

// A draft knows only the bytes that are there: so the checksum of the input is that of a footer at offset 0, and is moved.
function placed(bytes: Uint8Array): Uint8Array {
  return shifted(bytes, BASE);
}

function sealedAtZero(bytes: Uint8Array): Uint8Array {
  return shifted(bytes, -BASE);
}

function shifted(bytes: Uint8Array, by: number): Uint8Array {
  const moved = Uint8Array.from(bytes);
  const view = new DataView(moved.buffer);
  view.setUint32(56, view.getUint32(56, true) + by, true);
  return moved;
}
