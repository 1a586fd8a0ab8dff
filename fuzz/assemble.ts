// From pieces back to bytes: places first, then lengths, offsets and counts until nothing moves any more, then checksums.

import { crc32, placedChecksum } from "tinykv/formats";
import type { Draft, Link, Piece } from "./draft.ts";

/** Which derived fields are made to fit what has become of the rest; the others keep the value they had. */
export interface Fixes {
  readonly lengths: boolean;
  readonly checksums: boolean;
}

/** What was done to a draft: `order` lists pieces by their place in it; a piece may stand there twice or not at all. */
export interface Changes {
  readonly order: number[];
  /** New values by the place of the piece in the draft. */
  readonly values: Map<number, number>;
  /** What stands in place of a piece, whatever it was. */
  readonly raw: Map<number, Uint8Array>;
}

export function unchanged({ order }: Draft): Changes {
  return { order: order.slice(), values: new Map(), raw: new Map() };
}

/** A varint that grows moves what its value was computed from; it settles in two rounds, or is wrong on purpose. */
const ROUNDS = 3;

/** Writes the bytes into `target`, as far as it goes; returns how many. */
export class Assembler {
  readonly #draft: Draft;
  readonly #changes: Changes;
  readonly #target: Uint8Array;
  readonly #values: Float64Array;
  readonly #starts: Int32Array;
  #length = 0;

  constructor(draft: Draft, changes: Changes, target: Uint8Array) {
    this.#draft = draft;
    this.#changes = changes;
    this.#target = target;
    const { order, values } = changes;
    this.#values = new Float64Array(order.length);
    for (let at = 0; at < order.length; at++)
      this.#values[at] = values.get(order[at]!) ?? draft.pieces[order[at]!]!.value;
    this.#starts = new Int32Array(order.length + 1);
  }

  assemble(fixes: Fixes): number {
    this.#place();
    for (let round = 0; fixes.lengths && round < ROUNDS; round++) if (!this.#fixLengths()) break;
    const { order } = this.#changes;
    for (let at = 0; at < order.length; at++) this.#put(at);
    if (fixes.checksums) for (let at = 0; at < order.length; at++) this.#fixChecksum(at);
    return this.#length;
  }

  // Where every piece begins.
  #place(): void {
    const { order } = this.#changes;
    let position = 0;
    for (let at = 0; at < order.length; at++) {
      this.#starts[at] = position;
      position += this.#sizeOf(at, position);
    }
    this.#starts[order.length] = position;
    this.#length = Math.min(position, this.#target.length);
  }

  #sizeOf(at: number, position: number): number {
    const piece = this.#pieceAt(at);
    const raw = this.#changes.raw.get(this.#changes.order[at]!);
    if (raw) return raw.length;
    if (piece.link?.kind === "padding") {
      const { size, below, origin } = piece.link;
      const left = size - ((position - this.#startOf(origin, at)) % size);
      return left < below ? left : 0;
    }
    if (piece.kind === "bytes") return piece.bytes!.length;
    if (piece.kind === "varint") return sizeOfVarint(this.#values[at]!);
    return piece.kind === "hex" ? 8 : piece.kind;
  }

  /** Whether anything moved. */
  #fixLengths(): boolean {
    const { order, raw, values } = this.#changes;
    let changed = false;
    for (let at = 0; at < order.length; at++) {
      const { link } = this.#pieceAt(at);
      // What was changed on purpose stays as it is.
      if (!link || values.has(order[at]!) || raw.has(order[at]!)) continue;
      const value = this.#derived(link, at);
      if (value === undefined || value === this.#values[at]) continue;
      this.#values[at] = value;
      changed = true;
    }
    if (changed) this.#place();
    return changed;
  }

  #derived(link: Link, at: number): number | undefined {
    switch (link.kind) {
      case "length":
        return Math.max(0, this.#startOf(link.to, at) - this.#startOf(link.from, at) + link.plus);
      case "offset":
        return Math.max(0, this.#startOf(link.of, at) - this.#startOf(link.origin, at) + link.plus);
      case "count":
        return this.#countOf(link.list);
      default:
        return undefined;
    }
  }

  #countOf(list: number): number {
    const { begins } = this.#draft;
    let count = 0;
    for (const piece of this.#changes.order) if (begins[piece] === list) count++;
    return count;
  }

  #fixChecksum(at: number): void {
    const { order, raw, values } = this.#changes;
    const { kind, link } = this.#pieceAt(at);
    if (link?.kind !== "checksum" || values.has(order[at]!) || raw.has(order[at]!)) return;
    const from = this.#startOf(link.from, at);
    const to = this.#startOf(link.to, at);
    const own = this.#starts[at]!;
    if (to > this.#length || from > to || own + 8 > this.#target.length) return;
    this.#target.fill(0, own, own + (kind === "hex" ? 0 : 4));
    const tag = link.tag < 0 ? 0 : this.#values[this.#find(link.tag, at)]!;
    const crc = crc32(this.#target, from, to);
    this.#values[at] = link.placed ? placedChecksum(crc, tag, from - this.#startOf(link.origin, at)) : crc;
    this.#put(at);
  }

  // The piece of the draft at place `piece`, as seen from the one at `at`: of several copies the one beside it.
  #find(piece: number, at: number): number {
    const { order } = this.#changes;
    const beside = at + piece - order[at]!;
    if (beside >= 0 && order[beside] === piece) return beside;
    const found = order.indexOf(piece);
    return found < 0 ? 0 : found;
  }

  // Where that piece starts; for what is behind the last one, and for a piece that is gone, where its neighbour does.
  #startOf(piece: number, at: number): number {
    const { order } = this.#changes;
    const beside = at + piece - order[at]!;
    if (beside >= 0 && order[beside] === piece) return this.#starts[beside]!;
    if (piece >= this.#draft.pieces.length) return this.#starts[order.length]!;
    const found = order.indexOf(piece);
    if (found >= 0) return this.#starts[found]!;
    const before = order.lastIndexOf(piece - 1);
    return this.#starts[before + 1] ?? 0;
  }

  #pieceAt(at: number): Piece {
    return this.#draft.pieces[this.#changes.order[at]!]!;
  }

  #put(at: number): void {
    const target = this.#target;
    const start = this.#starts[at]!;
    const size = this.#starts[at + 1]! - start;
    if (start >= target.length) return;
    const piece = this.#pieceAt(at);
    const bytes = this.#changes.raw.get(this.#changes.order[at]!);
    if (bytes ?? piece.kind === "bytes") {
      if (!bytes && piece.link?.kind === "padding") target.fill(0, start, start + size);
      else putBytes(target, start, bytes ?? piece.bytes!);
    } else if (piece.kind === "varint") putVarint(target, start, this.#values[at]!);
    else if (piece.kind === "hex") putBytes(target, start, Buffer.from(hexOf(this.#values[at]!)));
    else putFixed(target, start, this.#values[at]!, size);
  }
}

function hexOf(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

function putBytes(target: Uint8Array, start: number, bytes: Uint8Array): void {
  target.set(start + bytes.length <= target.length ? bytes : bytes.subarray(0, target.length - start), start);
}

// Of what is beyond the width the low bits; -1 is all ones.
function putFixed(target: Uint8Array, start: number, value: number, width: number): void {
  let rest = value < 0 ? 0 : value;
  for (let i = start; i < start + width && i < target.length; i++) {
    target[i] = value < 0 ? 0xff : rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** Ten bytes of ones for -1: longer than any varint may be. */
const LONGEST_VARINT = 10;

function sizeOfVarint(value: number): number {
  if (value < 0) return LONGEST_VARINT;
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

function putVarint(target: Uint8Array, start: number, value: number): void {
  const size = sizeOfVarint(value);
  let rest = Math.max(0, value);
  for (let i = 0; i < size && start + i < target.length; i++) {
    const low = value < 0 ? 0x7f : rest % 128;
    target[start + i] = i === size - 1 ? low : low + 128;
    rest = Math.floor(rest / 128);
  }
}
