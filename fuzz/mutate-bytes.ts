// Mutations that know nothing of the format: what disks, file systems and hands do to bytes.

import type { Random } from "tinykv/harness";

/** Lengths, counts and offsets at the edges of how they are stored, and one off. */
export const INTERESTING: readonly number[] = [
  0,
  1,
  2,
  3,
  7,
  15,
  16,
  18,
  19,
  0x7f,
  0x80,
  0xff,
  0x100,
  0x7fff,
  0x8000,
  0xffff,
  0x1_0000,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
  0x1_0000_0000,
  2 ** 40,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 56 - 1,
  2 ** 63,
  -1,
];

/** Bytes that end or begin varints, kinds, types and flags of every format here. */
const BYTES = [0, 1, 2, 3, 4, 15, 16, 17, 0x7f, 0x80, 0x81, 0x92, 0xfe, 0xff];

/** A stretch in the middle is mostly short: long ones destroy more than they try. */
const STRETCH_USUAL = 16;

/** An input being changed in place. */
export interface Scratch {
  /** As long as an input may become. */
  readonly bytes: Uint8Array;
  length: number;
}

type Mutation = (scratch: Scratch, random: Random, other: Uint8Array) => void;

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  addToByte,
  setInteger,
  zero,
  truncate,
  extend,
  remove,
  duplicate,
  swap,
  splice,
  overlay,
];

/** One to eight mutations; `other` is another input of the target. */
export function mutateBytes(scratch: Scratch, random: Random, other: Uint8Array): void {
  // One change is most often the right number: several hide each other.
  const times = random.chance(1, 2) ? 1 : random.between(2, 8);
  for (let i = 0; i < times; i++) random.pick(MUTATIONS)(scratch, random, other);
}

function stretch({ length }: Scratch, random: Random): { from: number; to: number } {
  const from = random.int(length + 1);
  const most = random.chance(1, 4) ? length - from : Math.min(STRETCH_USUAL, length - from);
  return { from, to: from + random.int(most + 1) };
}

function flipBit({ bytes, length }: Scratch, random: Random): void {
  if (length > 0) bytes[random.int(length)]! ^= 1 << random.int(8);
}

function setByte({ bytes, length }: Scratch, random: Random): void {
  if (length > 0) bytes[random.int(length)] = random.chance(1, 2) ? random.pick(BYTES) : random.int(256);
}

function addToByte({ bytes, length }: Scratch, random: Random): void {
  if (length > 0) bytes[random.int(length)]! += random.between(-16, 16);
}

function setInteger({ bytes, length }: Scratch, random: Random): void {
  const width = random.pick([2, 4, 8]);
  if (length < width) return;
  const at = random.int(length - width + 1);
  let value = random.chance(1, 4) ? length + random.between(-2, 2) : random.pick(INTERESTING);
  for (let i = at; i < at + width; i++) {
    bytes[i] = value < 0 ? 0xff : value % 256;
    value = value < 0 ? value : Math.floor(value / 256);
  }
}

function zero(scratch: Scratch, random: Random): void {
  const { from, to } = stretch(scratch, random);
  scratch.bytes.fill(0, from, to);
}

function truncate(scratch: Scratch, random: Random): void {
  scratch.length = random.chance(1, 2)
    ? random.int(scratch.length + 1)
    : Math.max(0, scratch.length - random.int(STRETCH_USUAL));
}

function extend(scratch: Scratch, random: Random): void {
  const more = Math.min(scratch.bytes.length - scratch.length, random.int(2 * STRETCH_USUAL));
  const isRandom = random.chance(1, 2);
  for (let i = 0; i < more; i++) scratch.bytes[scratch.length++] = isRandom ? random.int(256) : 0;
}

function remove(scratch: Scratch, random: Random): void {
  const { from, to } = stretch(scratch, random);
  scratch.bytes.copyWithin(from, to, scratch.length);
  scratch.length -= to - from;
}

function duplicate(scratch: Scratch, random: Random): void {
  const { from, to } = stretch(scratch, random);
  insert(scratch, random.int(scratch.length + 1), scratch.bytes.slice(from, to));
}

// Two stretches of one length.
function swap(scratch: Scratch, random: Random): void {
  const { from, to } = stretch(scratch, random);
  const target = random.int(scratch.length - (to - from) + 1);
  const moved = scratch.bytes.slice(from, to);
  scratch.bytes.copyWithin(from, target, target + moved.length);
  scratch.bytes.set(moved, target);
}

function splice(scratch: Scratch, random: Random, other: Uint8Array): void {
  const { from, to } = stretch({ bytes: other, length: other.length }, random);
  insert(scratch, random.int(scratch.length + 1), other.subarray(from, to));
}

// What stands at a place in another file of the same kind.
function overlay({ bytes, length }: Scratch, random: Random, other: Uint8Array): void {
  const { from, to } = stretch({ bytes: other, length: Math.min(length, other.length) }, random);
  bytes.set(other.subarray(from, to), from);
}

function insert(scratch: Scratch, at: number, inserted: Uint8Array): void {
  const room = Math.min(inserted.length, scratch.bytes.length - scratch.length);
  scratch.bytes.copyWithin(at + room, at, scratch.length);
  scratch.bytes.set(inserted.subarray(0, room), at);
  scratch.length += room;
}
