import { compareByteRanges, toHex } from "./bytes.ts";
import { invalidArgument } from "./errors.ts";

/**
 * The order of user keys. It must be total, must never change for a given `name`, and only equal bytes may be equal.
 * The name is stored: a store opens only with the comparator that made it.
 *
 * It is called in the middle of reads, writes and background work. It may read from the store that it orders; to write to it,
 * or to close it, is INVALID_ARGUMENT.
 */
export interface Comparator {
  /** 1 to 255 bytes of UTF-8. */
  readonly name: string;
  /** Negative, 0 or positive. The views are valid during the call only. */
  compare(a: Uint8Array, b: Uint8Array): number;
  /** A short key k with a ≤ k < b, for index blocks; given a < b. Without it, a itself is used. */
  separator?(a: Uint8Array, b: Uint8Array): Uint8Array;
  /** A short key ≥ a, for the last entry of an index. Without it, a itself is used. */
  successor?(a: Uint8Array): Uint8Array;
  /** A module whose default export is this comparator: what a worker thread needs to load it. */
  readonly module?: URL;
}

/** Unsigned byte order: the default. */
export const bytewise: Comparator = {
  name: "tinykv.bytewise",
  compare: (a, b) => compareByteRanges(a, 0, a.length, b, 0, b.length),
  separator: bytewiseSeparator,
  successor: bytewiseSuccessor,
};

/**
 * The comparator with its promises checked at every call: an order is antisymmetric, and only equal bytes are equal.
 * Throws INVALID_ARGUMENT naming the keys when one is broken.
 */
export function checkedComparator(comparator: Comparator): Comparator {
  const { name, module } = comparator;
  return {
    name,
    ...(module && { module }),
    ...(comparator.separator && { separator: (a, b) => comparator.separator!(a, b) }),
    ...(comparator.successor && { successor: (a) => comparator.successor!(a) }),
    compare(a, b) {
      const order = comparator.compare(a, b);
      const reverse = comparator.compare(b, a);
      const equal = compareByteRanges(a, 0, a.length, b, 0, b.length) === 0;
      if (Math.sign(order) !== -Math.sign(reverse) || (order === 0) !== equal) {
        const keys = `${toHex(a)} and ${toHex(b)}`;
        throw invalidArgument(
          `comparator ${comparator.name} is no total order: ${keys} compare ${order} and ${reverse}`,
        );
      }
      return order;
    },
  };
}

/**
 * A comparator made ready for inner loops: ranges of larger buffers are compared without making views where the order
 * is bytewise.
 */
export class KeyOrder {
  readonly comparator: Comparator;
  /** Prefix stripping, key heads and shortened separators rest on byte order: they are for this case alone. */
  readonly isBytewise: boolean;
  #asked = 0;

  constructor(comparator: Comparator) {
    this.comparator = comparator;
    this.isBytewise = comparator === bytewise;
  }

  /** A custom comparator is being called: whoever calls is that comparator. */
  get isAsked(): boolean {
    return this.#asked > 0;
  }

  compare(a: Uint8Array, b: Uint8Array): number {
    if (this.isBytewise) return compareByteRanges(a, 0, a.length, b, 0, b.length);
    this.#asked++;
    try {
      return this.comparator.compare(a, b);
    } finally {
      this.#asked--;
    }
  }

  compareRanges(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): number {
    if (this.isBytewise) return compareByteRanges(a, aStart, aEnd, b, bStart, bEnd);
    return this.compare(a.subarray(aStart, aEnd), b.subarray(bStart, bEnd));
  }

  /** A key k with a ≤ k < b; given a < b. */
  separator(a: Uint8Array, b: Uint8Array): Uint8Array {
    return this.#ask((comparator) => comparator.separator?.(a, b)) ?? a;
  }

  /** A key k with a ≤ k. */
  successor(a: Uint8Array): Uint8Array {
    return this.#ask((comparator) => comparator.successor?.(a)) ?? a;
  }

  #ask<T>(question: (comparator: Comparator) => T): T {
    this.#asked++;
    try {
      return question(this.comparator);
    } finally {
      this.#asked--;
    }
  }
}

// The shortest key k with a ≤ k < b: cut a behind its first byte that can grow and stay below b.
function bytewiseSeparator(a: Uint8Array, b: Uint8Array): Uint8Array {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  for (let i = shared; i < a.length - 1; i++) {
    const grown = a[i]! + 1;
    if (grown > 0xff) continue;
    if (i === shared && (grown > b[i]! || (grown === b[i] && b.length === i + 1))) continue;
    return withLastByte(a, i, grown);
  }
  return a;
}

function bytewiseSuccessor(a: Uint8Array): Uint8Array {
  const i = a.findIndex((byte) => byte !== 0xff);
  return i < 0 || i === a.length - 1 ? a : withLastByte(a, i, a[i]! + 1);
}

function withLastByte(key: Uint8Array, at: number, byte: number): Uint8Array {
  const cut = Uint8Array.prototype.slice.call(key, 0, at + 1);
  cut[at] = byte;
  return cut;
}
