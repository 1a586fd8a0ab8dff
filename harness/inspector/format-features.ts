// Which parts of the formats an image shows, so that a campaign can say what its images contained, and what none of them
// did. What single contents show is kept with the content: images of one campaign share most of their files.

import { crc32 } from "node:zlib";
import type { FileContent, Image } from "../disk/image.ts";
import { FormatProblem } from "./byte-source.ts";
import { ChunkReader, CLEAN_END, FIRST, FULL, LAST, MIDDLE } from "./log-chunks.ts";
import { CHUNK_HEADER_SIZE, readLogHeader, TYPE_FILE_HEADER, type LogHeader, type LogKind } from "./log-header.ts";
import { frameManifest } from "./manifest-framing.ts";
import { placement, u32At } from "./placed-checksum.ts";
import { storeFileName } from "./store-names.ts";
import { frameTable, type TableBlock } from "./table-framing.ts";

/** Every feature, in words. Range deletes are missing: this version writes none. */
export const FEATURES = {
  header: "chunk FILE HEADER",
  full: "chunk FULL",
  first: "chunk FIRST",
  middle: "chunk MIDDLE",
  last: "chunk LAST",
  cleanEnd: "chunk CLEAN END",
  filler: "chunk FILLER",
  padding: "zeros before a block's end, too few for a chunk",
  emptyFirst: "a FIRST without payload, in a block's last 19 bytes",
  chain: "a log with a predecessor",
  recycled: "a recycled log: records over those of an earlier life",
  renamed: "a recycled log that has its new name and still its old header",
  grown: "a log made longer in advance",
  edit: "a manifest with an edit behind its snapshot",
  removed: "an edit that removes a table",
  cursor: "an edit with a compaction cursor",
  rotation: "two manifests: a rotation that is not over",
  currentTmp: "CURRENT.tmp",
  oneLevel: "an index of one level",
  twoLevels: "an index of two levels",
  narrow: "a data block with offsets of 2 bytes",
  wide: "a data block with offsets of 4 bytes",
  prefix: "a data block whose keys have a common prefix",
  largeKey: "a block of its own for a key larger than a block",
  largeValue: "a block of its own for a value larger than a block",
  filter: "a table with a filter",
  noFilter: "a table without a filter",
  level0: "a table on level 0",
  deep: "a table on a deeper level",
  nineToTen: "file numbers on both sides of 9 and 10",
} as const;

export type Feature = keyof typeof FEATURES;

/** A set of features: a bit for each, in the order of FEATURES. */
export type FeatureBits = number;

const NAMES = Object.keys(FEATURES) as Feature[];
if (NAMES.length > 32) throw new RangeError("features have a bit each");

/** The features of a set, in the order of FEATURES. */
export function featuresIn(bits: FeatureBits): Feature[] {
  return NAMES.filter((_, i) => (bits & (1 << i)) !== 0);
}

/** What one content shows; the large ones are for the store's block size to judge. */
interface ContentFeatures {
  readonly features: ReadonlySet<Feature>;
  /** The longest key and value that have a block of their own. */
  readonly loneKey: number;
  readonly loneValue: number;
}

const NOTHING: ContentFeatures = { features: new Set(), loneKey: 0, loneValue: 0 };

/** Counts, for each feature, the images that show it. */
export class FeatureCounter {
  readonly counts: Record<Feature, number>;
  readonly #known = new WeakMap<FileContent, Map<string, ContentFeatures>>();

  constructor() {
    this.counts = Object.fromEntries(Object.keys(FEATURES).map((feature) => [feature, 0])) as Record<Feature, number>;
  }

  /** What the image shows, as a set of bits; `blockSize`: that of the options, in bytes. */
  add(image: Image, root: string, blockSize: number): FeatureBits {
    const shown = new Set<Feature>();
    let manifests = 0;
    let below = false;
    let above = false;
    for (const [path, content] of image.files) {
      if (!path.startsWith(`${root}/`)) continue;
      const name = path.slice(root.length + 1);
      const known = storeFileName(name);
      if (!known) continue;
      const { kind, number } = known;
      if (kind === "temporary") shown.add("currentTmp");
      if (kind === "manifest") manifests++;
      if (number > 0 && number <= 9) below = true;
      if (number >= 10) above = true;
      const { features, loneKey, loneValue } = this.#of(content, name, kind, number);
      for (const feature of features) shown.add(feature);
      if (loneKey > blockSize) shown.add("largeKey");
      if (loneValue > blockSize) shown.add("largeValue");
    }
    if (manifests > 1) shown.add("rotation");
    if (below && above) shown.add("nineToTen");
    for (const feature of shown) this.counts[feature]++;
    return [...shown].reduce((bits, feature) => bits | (1 << NAMES.indexOf(feature)), 0);
  }

  #of(content: FileContent, name: string, kind: string, number: number): ContentFeatures {
    let byName = this.#known.get(content);
    if (!byName) this.#known.set(content, (byName = new Map()));
    let known = byName.get(name);
    if (!known) byName.set(name, (known = featuresOf(content.bytes, kind, number)));
    return known;
  }
}

function featuresOf(bytes: Uint8Array, kind: string, number: number): ContentFeatures {
  if (kind === "table") return tableFeatures(bytes);
  if (kind === "log") return { ...NOTHING, features: logFeatures(bytes, number, "wal") };
  return kind === "manifest" ? { ...NOTHING, features: manifestFeatures(bytes, number) } : NOTHING;
}

function logFeatures(bytes: Uint8Array, number: number, kind: LogKind): Set<Feature> {
  const features = new Set<Feature>();
  const header = headerOf(bytes, number, kind);
  if (!header) {
    const other = bytes.length >= CHUNK_HEADER_SIZE ? u32At(bytes, 7) : number;
    if (kind === "wal" && other !== number && headerOf(bytes, other, kind)) features.add("renamed");
    return features;
  }
  features.add("header");
  if (header.predecessorNumber > 0) features.add("chain");
  const end = chunkFeatures(new ChunkReader(bytes, header, bytes.length), header, features);
  if (kind === "manifest" || end >= bytes.length) return features;
  if (holdsOlderChunks(bytes, end, number)) features.add("recycled");
  else if (bytes.subarray(end).every((byte) => byte === 0)) features.add("grown");
  return features;
}

function headerOf(bytes: Uint8Array, number: number, kind: LogKind): LogHeader | undefined {
  try {
    return readLogHeader(bytes, number, kind);
  } catch (error) {
    if (error instanceof FormatProblem) return undefined;
    throw error;
  }
}

const BY_TYPE: Readonly<Record<number, Feature>> = {
  [FULL]: "full",
  [FIRST]: "first",
  [MIDDLE]: "middle",
  [LAST]: "last",
  [TYPE_FILE_HEADER]: "header",
  [CLEAN_END]: "cleanEnd",
  146: "filler",
};

// Chunk by chunk, up to the first that does not verify; gives its place.
function chunkFeatures(reader: ChunkReader, header: LogHeader, features: Set<Feature>): number {
  let offset = header.end;
  for (;;) {
    const blockEnd = reader.blockEnd(offset);
    const left = blockEnd - offset;
    const at = left < CHUNK_HEADER_SIZE ? blockEnd : offset;
    if (reader.problemAt(at) !== undefined) return offset;
    if (at > offset) features.add("padding");
    const { type, end } = reader.chunkAt(at);
    const feature = BY_TYPE[type];
    if (feature) features.add(feature);
    if (type === FIRST && end - at === CHUNK_HEADER_SIZE) features.add("emptyFirst");
    offset = end;
  }
}

// Two chunks in a row that an earlier life of the file left: of one number, another one, and under one tag.
function holdsOlderChunks(bytes: Uint8Array, from: number, number: number): boolean {
  for (let at = from; at + CHUNK_HEADER_SIZE <= bytes.length; at++) {
    const older = u32At(bytes, at + 7);
    if (older === 0 || older >= number) continue;
    const next = at + CHUNK_HEADER_SIZE + bytes[at + 4]! + bytes[at + 5]! * 0x100;
    if (next + CHUNK_HEADER_SIZE > bytes.length || u32At(bytes, next + 7) !== older) continue;
    if (impliedTag(bytes, at) === impliedTag(bytes, next)) return true;
  }
  return false;
}

// The tag under which the chunk at an offset would verify.
function impliedTag(bytes: Uint8Array, at: number): number {
  const end = at + CHUNK_HEADER_SIZE + bytes[at + 4]! + bytes[at + 5]! * 0x100;
  if (end > bytes.length) return -1 - at;
  return (u32At(bytes, at) - crc32(bytes.subarray(at + 4, end)) - placement(0, at + 4)) >>> 0;
}

function manifestFeatures(bytes: Uint8Array, number: number): Set<Feature> {
  const features = logFeatures(bytes, number, "manifest");
  const { edits, state } = frameManifest(bytes, number);
  if (edits.length > 1) features.add("edit");
  for (const field of edits.flat()) {
    if (field.field === "removedTable") features.add("removed");
    if (field.field === "cursor") features.add("cursor");
  }
  for (const { level } of state?.tables ?? []) features.add(level === 0 ? "level0" : "deep");
  return features;
}

function tableFeatures(bytes: Uint8Array): ContentFeatures {
  const { problem, blocks } = frameTable(bytes);
  if (problem !== undefined) return NOTHING;
  const features = new Set<Feature>();
  const roles = new Set(blocks.map(({ role }) => role));
  features.add(roles.has("indexPartition") ? "twoLevels" : "oneLevel");
  features.add(roles.has("filter") ? "filter" : "noFilter");
  let [loneKey, loneValue] = [0, 0];
  for (const block of blocks) {
    if (block.role !== "data" || !block.verifies) continue;
    const { prefix, lone } = dataFeatures(bytes, block, features);
    if (prefix > 0) features.add("prefix");
    loneKey = Math.max(loneKey, lone?.key ?? 0);
    loneValue = Math.max(loneValue, lone?.value ?? 0);
  }
  return { features, loneKey, loneValue };
}

interface DataBlock {
  /** Bytes that all keys begin with, of several. */
  readonly prefix: number;
  /** Lengths of the only entry. */
  readonly lone: { readonly key: number; readonly value: number } | undefined;
}

// Entries stand from behind the prefix up to the offsets; of a single one what is no value is key, but for a few bytes.
function dataFeatures(bytes: Uint8Array, { offset, length }: TableBlock, features: Set<Feature>): DataBlock {
  features.add((bytes[offset + 1]! & 1) === 1 ? "wide" : "narrow");
  const end = offset + length;
  const count = u32At(bytes, end - 4);
  const [prefix, entries] = varintAt(bytes, offset + 2);
  if (count > 1) return { prefix, lone: undefined };
  const start = entries + prefix;
  const [suffix, kindAt] = varintAt(bytes, start);
  const [, valueAt] = varintAt(bytes, kindAt + 1);
  const value = bytes[kindAt] === 1 ? varintAt(bytes, valueAt)[0] : 0;
  return { prefix: 0, lone: { key: prefix + suffix, value } };
}

// A varint and where it ends; the block verifies, so it is one.
function varintAt(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  let scale = 1;
  for (let at = start; ; at++, scale *= 0x80) {
    value += (bytes[at]! & 0x7f) * scale;
    if (bytes[at]! < 0x80) return [value, at + 1];
  }
}
