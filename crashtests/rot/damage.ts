// Everything that is done to one file: each bit flipped, each sector and block zeroed, each length it is cut to, each pair of
// sectors and of blocks exchanged and each written over the other, the file deleted, replaced by each earlier copy of
// itself, by another store's file of its name, and by another file of its own store.

import { frameTable } from "tinykv/harness";
import { chunksOf } from "./log-places.ts";
import type { Subject } from "./subject.ts";

export const DAMAGE_KINDS = ["flip", "zero", "cut", "swap", "copy", "deleted", "earlier", "foreign", "other"] as const;

export type DamageKind = (typeof DAMAGE_KINDS)[number];

export interface Damage {
  readonly file: string;
  readonly kind: DamageKind;
  /** Unique among those of a file, such as "flip-123.4": byte 123, bit 4. */
  readonly name: string;
  /** What the file then holds; undefined: it is gone. */
  readonly bytes: () => Buffer | undefined;
}

/** What a disk loses at once; a file's last may be shorter. */
const SECTOR_BYTES = 512;
/** Files are smaller than a few sectors, so pieces of this size stand for sectors too. */
const PIECE_BYTES = 64;

interface Range {
  readonly start: number;
  readonly end: number;
}

/** All damage to all files of a store, in an order that only the store decides. What would change nothing is left out. */
export function damagesOf(subject: Subject): Damage[] {
  const all: Damage[] = [];
  for (const [file, bytes] of subject.files) {
    for (const damage of [...bitsOf(file, bytes), ...rangesDamaged(file, bytes), ...wholes(subject, file, bytes)]) {
      if (damage.kind === "flip" || damage.bytes()?.equals(bytes) !== true) all.push(damage);
    }
  }
  return all;
}

function* bitsOf(file: string, bytes: Buffer): Generator<Damage> {
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flip = (): Buffer => {
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= 1 << bit;
        return flipped;
      };
      yield { file, kind: "flip", name: `flip-${at}.${bit}`, bytes: flip };
    }
  }
}

function* rangesDamaged(file: string, bytes: Buffer): Generator<Damage> {
  const ranges = rangesOf(file, bytes);
  for (const range of ranges.flat()) {
    yield { file, kind: "zero", name: `zero-${range.start}-${range.end}`, bytes: () => zeroed(bytes, range) };
  }
  for (const group of ranges) {
    for (const [i, a] of group.entries()) {
      for (const b of group.slice(i + 1)) {
        const name = `${a.start}-${a.end}-${b.start}-${b.end}`;
        yield { file, kind: "swap", name: `swap-${name}`, bytes: () => swapped(bytes, a, b) };
        yield { file, kind: "copy", name: `copy-${name}`, bytes: () => overwritten(bytes, a, b) };
        yield { file, kind: "copy", name: `copy-back-${name}`, bytes: () => overwritten(bytes, b, a) };
      }
    }
  }
  for (let length = 0; length < bytes.length; length++) {
    yield { file, kind: "cut", name: `cut-${length}`, bytes: () => bytes.subarray(0, length) };
  }
}

function* wholes({ files, earlier, foreign }: Subject, file: string, bytes: Buffer): Generator<Damage> {
  yield { file, kind: "deleted", name: "deleted", bytes: () => undefined };
  for (const [i, copy] of (earlier.get(file) ?? []).entries()) {
    if (!copy.equals(bytes)) yield { file, kind: "earlier", name: `earlier-${i}`, bytes: () => copy };
  }
  const stranger = foreign.get(file);
  if (stranger) yield { file, kind: "foreign", name: "foreign", bytes: () => stranger };
  for (const [name, content] of files) {
    if (name !== file) yield { file, kind: "other", name: `other-${name}`, bytes: () => content };
  }
}

// In groups: only ranges of one group change places. Sectors; pieces, which stand for them; the blocks of the format.
function rangesOf(file: string, bytes: Buffer): Range[][] {
  return [everyRange(bytes.length, SECTOR_BYTES), everyRange(bytes.length, PIECE_BYTES), blocksOf(file, bytes)];
}

function everyRange(length: number, size: number): Range[] {
  const count = Math.ceil(length / size);
  return Array.from({ length: count }, (_, i) => ({ start: i * size, end: Math.min(length, (i + 1) * size) }));
}

/** The trailer of a table's block: compression, checksum. */
const TRAILER_BYTES = 5;

function blocksOf(file: string, bytes: Buffer): Range[] {
  if (file.endsWith(".sst")) {
    return frameTable(bytes).blocks.map(({ offset, length }) => ({
      start: offset,
      end: offset + length + TRAILER_BYTES,
    }));
  }
  if (file.endsWith(".log") || file.startsWith("MANIFEST-")) {
    return chunksOf(file, bytes).map(({ offset, end }) => ({ start: offset, end }));
  }
  return [];
}

function zeroed(bytes: Buffer, { start, end }: Range): Buffer {
  return Buffer.from(bytes).fill(0, start, end);
}

// Ranges of two lengths move what is between them; the file's length stays.
function swapped(bytes: Buffer, a: Range, b: Range): Buffer {
  return Buffer.concat([
    bytes.subarray(0, a.start),
    bytes.subarray(b.start, b.end),
    bytes.subarray(a.end, b.start),
    bytes.subarray(a.start, a.end),
    bytes.subarray(b.end),
  ]);
}

function overwritten(bytes: Buffer, from: Range, to: Range): Buffer {
  return Buffer.concat([bytes.subarray(0, to.start), bytes.subarray(from.start, from.end), bytes.subarray(to.end)]);
}
