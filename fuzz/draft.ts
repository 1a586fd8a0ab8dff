// A value in pieces: the fields of its encoding, what each of them is derived from, and which stretches of them may be
// repeated, left out or moved. Mutations change pieces (mutate-fields.ts), assemble.ts makes bytes of them again, with
// lengths and checksums that fit, or not.
//
// A link refers to other pieces by their place in the list.

export type Link =
  /** The bytes of pieces [from, to), and `plus`. */
  | { readonly kind: "length"; readonly from: number; readonly to: number; readonly plus: number }
  /** Where piece `of` begins, counted from where piece `origin` does, and `plus`. */
  | { readonly kind: "offset"; readonly of: number; readonly origin: number; readonly plus: number }
  /** How many times the groups of this list stand there. */
  | { readonly kind: "count"; readonly list: number }
  /**
   * crc32 of the pieces [from, to), bound to the tag that piece `tag` holds (-1: tag 0) and to the offset of piece `from`
   * from piece `origin`, and `plus`. This piece itself counts as zero.
   */
  | {
      readonly kind: "checksum";
      readonly from: number;
      readonly to: number;
      readonly tag: number;
      readonly origin: number;
      readonly placed: boolean;
    }
  /** Zeros to the end of a block of `size`, counted from piece `origin`, if fewer than `below` bytes are left. */
  | { readonly kind: "padding"; readonly size: number; readonly below: number; readonly origin: number };

/** u8, u16, u32, u64 by their width; varints, plain bytes, and a checksum as eight hexadecimal digits. */
export type PieceKind = 1 | 2 | 4 | 8 | "varint" | "bytes" | "hex";

export interface Piece {
  readonly kind: PieceKind;
  /** Of numbers. */
  readonly value: number;
  /** Of plain bytes. */
  readonly bytes: Uint8Array | undefined;
  link: Link | undefined;
}

/** Pieces [from, to) are one element of list `list`. */
export interface Group {
  readonly list: number;
  readonly from: number;
  readonly to: number;
}

export interface Draft {
  readonly pieces: readonly Piece[];
  readonly groups: readonly Group[];
  /** 0, 1, 2 … for as many pieces: copied where it changes. */
  readonly order: readonly number[];
  /** For each piece the list of which it begins an element, -1 for none. */
  readonly begins: Int32Array;
}

/** The bytes came to an end before the value did. */
class Short extends Error {}

/**
 * Takes a value apart, field by field, in the order of its bytes. Where the bytes end too early what is left becomes one
 * piece and the dissection stops there.
 */
export class Drafter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #pieces: Piece[] = [];
  readonly #groups: Group[] = [];
  #position = 0;
  #end: number;
  #lists = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  /** The place of the next piece. */
  get next(): number {
    return this.#pieces.length;
  }

  /** Runs `parts` as far as the bytes allow. */
  dissect(parts: () => void): Draft {
    try {
      parts();
    } catch (error) {
      if (!(error instanceof Short)) throw error;
      this.#end = this.#bytes.length;
    }
    this.#end = this.#bytes.length;
    if (this.remaining > 0) this.bytes(this.remaining);
    const pieces = this.#pieces;
    const begins = new Int32Array(pieces.length).fill(-1);
    for (const { list, from, to } of this.#groups) if (to > from) begins[from] = list;
    return { pieces, groups: this.#groups, order: Array.from(pieces.keys()), begins };
  }

  u8(): number {
    return this.#number(1, this.#take(1), (at) => this.#view.getUint8(at));
  }

  u16(): number {
    return this.#number(2, this.#take(2), (at) => this.#view.getUint16(at, true));
  }

  u32(): number {
    return this.#number(4, this.#take(4), (at) => this.#view.getUint32(at, true));
  }

  /** Inexact above 2^53. */
  u64(): number {
    const wide = (at: number): number => this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
    return this.#number(8, this.#take(8), wide);
  }

  varint(): number {
    let value = 0;
    let length = 0;
    for (let scale = 1; ; scale *= 128) {
      if (this.#position + length >= this.#end || length === 8) throw new Short();
      const byte = this.#bytes[this.#position + length++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return this.#number("varint", this.#take(length), () => value);
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    const bytes = Uint8Array.prototype.slice.call(this.#bytes, at, at + length);
    this.#pieces.push({ kind: "bytes", value: 0, bytes, link: undefined });
    return bytes;
  }

  /** A varint length and the bytes. */
  lengthPrefixed(): Uint8Array {
    const bytes = this.sized(() => this.bytes(this.remaining));
    return bytes;
  }

  /** A varint length and what `inside` makes of so many bytes; what it leaves is one piece. */
  sized<T>(inside: (length: number) => T): T {
    const at = this.next;
    const length = this.varint();
    if (length > this.remaining) throw new Short();
    const result = this.within(length, () => inside(length));
    this.link(at, { kind: "length", from: at + 1, to: this.next, plus: 0 });
    return result;
  }

  /** What `inside` makes of the next `length` bytes; what it leaves is one piece. */
  within<T>(length: number, inside: () => T): T {
    if (length > this.remaining) throw new Short();
    const end = this.#end;
    this.#end = this.#position + length;
    const result = inside();
    if (this.remaining > 0) this.bytes(this.remaining);
    this.#end = end;
    return result;
  }

  /** The byte so far ahead; undefined behind the end. */
  peek(ahead: number): number | undefined {
    return ahead < this.remaining ? this.#bytes[this.#position + ahead] : undefined;
  }

  /** The bytes that are left: a view. */
  get ahead(): Uint8Array {
    return this.#bytes.subarray(this.#position, this.#end);
  }

  newList(): number {
    return this.#lists++;
  }

  /** An element of a list. */
  group<T>(list: number, element: () => T): T {
    const from = this.next;
    const result = element();
    this.#groups.push({ list, from, to: this.next });
    return result;
  }

  /** A piece in place of one taken: its kind changes. */
  retype(at: number, kind: PieceKind, value: number): void {
    this.#pieces[at] = { ...this.#pieces[at]!, kind, value };
  }

  link(at: number, link: Link): void {
    const piece = this.#pieces[at];
    if (piece) piece.link = link;
  }

  #number(kind: PieceKind, at: number, read: (at: number) => number): number {
    const value = read(at);
    this.#pieces.push({ kind, value, bytes: undefined, link: undefined });
    return value;
  }

  #take(length: number): number {
    if (length < 0 || length > this.remaining) throw new Short();
    const at = this.#position;
    this.#position += length;
    return at;
  }
}
