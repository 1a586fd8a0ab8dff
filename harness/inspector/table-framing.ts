// Sorted tables, block by block: where each lies and whether it verifies. What is in data blocks is not looked at.

import { ByteSource, FormatProblem } from "./byte-source.ts";
import { compareInternalKeys, KIND_DELETE_RANGE, type InternalKey } from "./edit-framing.ts";
import { placedChecksum, u32At } from "./placed-checksum.ts";
import { readFooter, TRAILER_SIZE, type Footer } from "./table-footer.ts";
import { readProperties, type TableProperties } from "./table-properties.ts";

export type { Footer } from "./table-footer.ts";
export type { FileReference, TableProperties } from "./table-properties.ts";

export type BlockRole =
  | "data"
  | "rangeDeletes"
  | "filter"
  | "indexPartition"
  | "index"
  | "properties"
  | "metaindex"
  | "unknown";

export interface TableBlock {
  readonly role: BlockRole;
  /** In the metaindex; empty for those it does not name. */
  readonly name: string;
  readonly offset: number;
  /** Without the trailer. */
  readonly length: number;
  readonly compression: number;
  readonly verifies: boolean;
}

export interface IndexEntry {
  /** Of kind 15 with sequence number 2^53-1: before every version of its key. */
  readonly separator: InternalKey;
  readonly offset: number;
  readonly length: number;
  /** In the top of two levels: the number of the first data block behind it; else 0. */
  readonly first: number;
}

export interface FramedTable {
  /** Of the file, in bytes. */
  readonly length: number;
  readonly footer: Footer | undefined;
  readonly properties: TableProperties | undefined;
  /** One entry a data block, in order. */
  readonly index: readonly IndexEntry[];
  /** By offset, as far as the structure could be followed. */
  readonly blocks: readonly TableBlock[];
  /** What is wrong with the structure; blocks that do not verify and hold no structure are told apart by `verifies`. */
  readonly problem: string | undefined;
  readonly unsupported: boolean;
}

/** Throws nothing. */
export function frameTable(bytes: Uint8Array): FramedTable {
  const framer = new TableFramer(bytes);
  let problem: FormatProblem | undefined;
  try {
    framer.frame();
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    problem = error;
  }
  const { footer, properties, index, blocks } = framer;
  return {
    length: bytes.length,
    footer,
    properties,
    index,
    blocks: blocks.sort((a, b) => a.offset - b.offset),
    problem: problem?.message,
    unsupported: problem?.unsupported ?? false,
  };
}

interface Place {
  readonly offset: number;
  readonly length: number;
}

const ROLES: Readonly<Record<string, BlockRole>> = {
  rangeDeletes: "rangeDeletes",
  filter: "filter",
  index: "index",
  properties: "properties",
};

class TableFramer {
  readonly #bytes: Uint8Array;
  readonly index: IndexEntry[] = [];
  readonly blocks: TableBlock[] = [];
  footer: Footer | undefined;
  properties: TableProperties | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  frame(): void {
    this.footer = readFooter(this.#bytes);
    const { metaindexOffset, metaindexLength } = this.footer;
    const metaindex = this.#block("metaindex", "", { offset: metaindexOffset, length: metaindexLength });
    const places = this.#metaindex(metaindex);
    for (const [name, place] of places) this.#block(ROLES[name] ?? "unknown", name, place);
    const properties = this.#place(places, "properties");
    this.properties = readProperties(this.#bytes, properties.offset, properties.offset + properties.length);
    this.#index(this.#place(places, "index"));
    this.#demandSideBySide();
    this.#demandAgreement();
  }

  /** Notes a block. One that holds structure must verify; of a data block or filter it is only noted. */
  #block(role: BlockRole, name: string, place: Place): Place {
    const { offset, length } = place;
    const end = offset + length;
    if (end + TRAILER_SIZE > this.footer!.offset)
      throw new FormatProblem(offset, `${role} block reaches into the footer`);
    const compression = this.#bytes[end]!;
    const stored = u32At(this.#bytes, end + 1);
    const verifies = stored === placedChecksum(this.#bytes, offset, end + 1, this.footer!.tag);
    this.blocks.push({ role, name, offset, length, compression, verifies });
    const isStructure = role !== "data" && role !== "filter" && role !== "unknown";
    if (isStructure && !verifies) throw new FormatProblem(offset, `checksum of the ${role} block`);
    if (verifies && compression !== 0) throw new FormatProblem(end, `compression ${compression}`, true);
    return place;
  }

  #metaindex({ offset, length }: Place): Map<string, Place> {
    const source = new ByteSource(this.#bytes, offset, offset + length);
    const places = new Map<string, Place>();
    for (let count = source.varint(); count > 0; count--) {
      const at = source.offset;
      const name = Buffer.from(source.lp()).toString("latin1");
      if (places.has(name)) throw new FormatProblem(at, `${name} twice`);
      places.set(name, { offset: source.varint(), length: source.varint() });
    }
    source.demandEnd();
    demandDisjoint([...places.values()]);
    return places;
  }

  #place(places: ReadonlyMap<string, Place>, name: string): Place {
    const place = places.get(name);
    if (!place) throw new FormatProblem(this.footer!.metaindexOffset, `no ${name}`);
    return place;
  }

  #index(top: Place): void {
    const { level, entries } = readIndex(this.#bytes, top, true);
    let dataEnd = 0;
    let partitionsEnd = entries[0]?.offset ?? 0;
    const partitions = level === 0 ? [top] : entries;
    if (partitions.length === 0) throw new FormatProblem(top.offset, "an index of two levels without partitions");
    for (const [i, partition] of partitions.entries()) {
      if (level === 1) {
        if (partition.offset !== partitionsEnd)
          throw new FormatProblem(partition.offset, "partitions not side by side");
        if (entries[i]!.first !== this.index.length)
          throw new FormatProblem(top.offset, "number of a first data block");
        this.#block("indexPartition", "", partition);
        partitionsEnd += partition.length + TRAILER_SIZE;
      }
      const own = level === 0 ? entries : readIndex(this.#bytes, partition, false).entries;
      for (const entry of own) {
        if (entry.offset !== dataEnd) throw new FormatProblem(entry.offset, "data blocks not side by side");
        this.#block("data", "", entry);
        this.index.push(entry);
        dataEnd += entry.length + TRAILER_SIZE;
      }
      if (level === 1 && !sameKey(own.at(-1)?.separator, entries[i]!.separator))
        throw new FormatProblem(partition.offset, "a partition whose last separator is not the top's");
    }
  }

  #demandSideBySide(): void {
    let end = 0;
    for (const { role, offset, length } of [...this.blocks].sort((a, b) => a.offset - b.offset)) {
      if (offset !== end) throw new FormatProblem(end, `the ${role} block does not lie beside what is before it`);
      end = offset + length + TRAILER_SIZE;
    }
  }

  #demandAgreement(): void {
    const { footer, properties } = this;
    const at = footer!.offset;
    if (properties!.fileNumber !== footer!.fileNumber) throw new FormatProblem(at, "file number of the properties");
    if (properties!.tag !== footer!.tag) throw new FormatProblem(at, "tag of the properties");
    if (properties!.dataBlocks !== this.index.length) throw new FormatProblem(at, "count of data blocks");
  }
}

function sameKey(a: InternalKey | undefined, b: InternalKey): boolean {
  return a !== undefined && compareInternalKeys(a, b) === 0;
}

// What the metaindex names: no byte is in two blocks, so that hostile places cannot make checksums quadratic.
function demandDisjoint(places: Place[]): void {
  let end = 0;
  for (const { offset, length } of places.sort((a, b) => a.offset - b.offset)) {
    if (offset < end) throw new FormatProblem(offset, "blocks overlap");
    end = offset + length + TRAILER_SIZE;
  }
}

function readIndex(
  bytes: Uint8Array,
  { offset, length }: Place,
  top: boolean,
): { level: number; entries: IndexEntry[] } {
  const source = new ByteSource(bytes, offset, offset + length);
  const layout = source.u8();
  if (layout !== 2) throw new FormatProblem(offset, `index layout ${layout}`, true);
  const level = source.u8();
  if (level > (top ? 1 : 0)) throw new FormatProblem(offset + 1, `index level ${level}`);
  const entries: IndexEntry[] = [];
  for (let count = source.varint(); count > 0; count--) entries.push(readIndexEntry(source, level));
  source.demandEnd();
  return { level, entries };
}

function readIndexEntry(source: ByteSource, level: number): IndexEntry {
  const start = source.offset;
  const key = source.lp();
  const kind = source.u8();
  const sequence = kind === KIND_DELETE_RANGE ? Number.MAX_SAFE_INTEGER : source.varint();
  const separator = { key: Buffer.from(key).toString("latin1"), sequence, kind };
  if (kind !== 0 && kind !== 1 && kind !== KIND_DELETE_RANGE)
    throw new FormatProblem(start, `kind ${kind} of a separator`);
  return {
    separator,
    offset: source.varint(),
    length: source.varint(),
    first: level === 1 ? source.varint() : 0,
  };
}
