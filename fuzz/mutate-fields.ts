// Mutations that know the fields of a format: a value that was valid with some of them changed, and the lengths, counts,
// offsets and checksums around them made to fit afterwards, or not.

import type { Random } from "tinykv/harness";
import { Assembler, unchanged, type Changes, type Fixes } from "./assemble.ts";
import type { Draft, Group } from "./draft.ts";
import { INTERESTING, type Scratch } from "./mutate-bytes.ts";

/** How far a number is moved when it is not replaced: lengths one too long, versions one too high. */
const NEAR = 2;
/** Bytes that a key or value grows by. */
const GROWTH_MAX = 24;

/** Overwrites `scratch` with the draft, changed in one to four places; `other` is another draft of the target. */
export function mutateFields(scratch: Scratch, random: Random, draft: Draft, other: Draft): void {
  const changes = unchanged(draft);
  scratch.length = 0;
  if (draft.pieces.length === 0) return;
  const times = random.chance(1, 2) ? 1 : random.between(2, 4);
  for (let i = 0; i < times; i++) {
    if (draft.groups.length > 0 && random.chance(1, 3)) mutateGroups(changes, random, draft);
    else mutatePiece(changes, random, draft, other);
  }
  scratch.length = new Assembler(draft, changes, scratch.bytes).assemble(drawFixes(random));
}

// Everything fits most often: what a checksum rejects at once tries nothing behind it.
function drawFixes(random: Random): Fixes {
  const draw = random.int(8);
  return { lengths: draw !== 0 && draw !== 1, checksums: draw !== 0 && draw !== 2 };
}

function mutatePiece({ values, raw }: Changes, random: Random, draft: Draft, otherDraft: Draft): void {
  const at = random.int(draft.pieces.length);
  const piece = draft.pieces[at]!;
  if (piece.kind === "bytes") {
    raw.set(at, mutated(raw.get(at) ?? piece.bytes!, random, otherDraft));
    return;
  }
  if (piece.kind === "varint" && random.chance(1, 16)) {
    raw.set(at, longVarint(values.get(at) ?? piece.value, random));
    return;
  }
  const value = mutatedNumber(values.get(at) ?? piece.value, random, draft);
  values.set(at, value);
  // A number that stands in two places, the footer and the properties, is believed only if both change.
  if (piece.link !== undefined || !random.chance(1, 8)) return;
  for (const [i, other] of draft.pieces.entries())
    if (other.kind !== "bytes" && other.link === undefined && other.value === piece.value) values.set(i, value);
}

function mutatedNumber(value: number, random: Random, draft: Draft): number {
  switch (random.int(6)) {
    case 0:
    case 1:
      return random.pick(INTERESTING);
    case 2:
      return Math.max(0, value + random.between(-NEAR, NEAR));
    case 3:
      // Flags, types and kinds: a bit more or less. Above 31 bits there are none.
      return value < 2 ** 31 ? value ^ (1 << random.int(8)) : value - 1;
    case 4:
      return random.int(256);
    default:
      return random.pick(draft.pieces).value;
  }
}

// The same value with empty groups behind it: legal only if a varint need not be the shortest.
function longVarint(value: number, random: Random): Uint8Array {
  const bytes: number[] = [];
  for (let rest = Math.max(0, value); rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(Math.floor(Math.max(0, value) / 128 ** bytes.length) % 128);
  for (let more = random.between(1, 9); more > 0; more--) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(0);
  }
  return Uint8Array.from(bytes);
}

function mutated(bytes: Uint8Array, random: Random, other: Draft): Uint8Array {
  switch (random.int(7)) {
    case 0:
      return new Uint8Array(0);
    case 1:
      return bytes.slice(0, random.int(bytes.length + 1));
    case 2: {
      const grown = new Uint8Array(bytes.length + random.between(1, GROWTH_MAX));
      grown.set(bytes);
      if (random.chance(1, 2)) grown.fill(random.int(256), bytes.length);
      return grown;
    }
    case 3:
      return other.pieces[random.int(other.pieces.length)]?.bytes ?? bytes;
    default: {
      const changed = bytes.slice();
      if (changed.length > 0) changed[random.int(changed.length)] = random.int(256);
      return changed;
    }
  }
}

// Elements of one list left out, doubled, or exchanged.
function mutateGroups({ order }: Changes, random: Random, draft: Draft): void {
  const group = random.pick(draft.groups);
  const at = order.indexOf(group.from);
  const length = group.to - group.from;
  // An element that earlier changes have torn apart is left alone.
  if (at < 0 || order[at + length - 1] !== group.to - 1) return;
  const elements = order.slice(at, at + length);
  switch (random.int(3)) {
    case 0:
      order.splice(at, length);
      return;
    case 1:
      order.splice(at + length, 0, ...elements);
      return;
    default:
      moveBehind(order, at, length, random.pick(siblings(draft, group)));
  }
}

function siblings({ groups }: Draft, { list }: Group): readonly Group[] {
  return groups.filter((group) => group.list === list);
}

function moveBehind(order: number[], at: number, length: number, sibling: Group): void {
  const moved = order.splice(at, length);
  const last = order.lastIndexOf(sibling.to - 1);
  order.splice(last < 0 ? at : last + 1, 0, ...moved);
}
