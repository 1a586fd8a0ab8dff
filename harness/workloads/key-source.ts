import type { Key } from "../keys.ts";
import type { Random } from "./random.ts";
import { Zipfian } from "./zipfian.ts";
import { unreachable } from "../unreachable.ts";

/** Which of the keys an operation takes. */
export type Distribution = "uniform" | "zipfian" | "latest" | "sequential";

/** What keys look like. */
export type KeyStyle = "decimal" | "binary" | "ragged" | "long" | "prefix" | "boundary";

export interface KeySourceOptions {
  /** How many keys there are. */
  readonly keys: number;
  readonly style: KeyStyle;
  readonly distribution: Distribution;
  /** The lengths of keys of style "boundary". */
  readonly lengths: readonly number[];
}

/** The zeros behind a key of style "prefix": as many as make a chain of prefixes longer than a few blocks. */
const ZEROS_MAX = 256;

/** Odd and far from any power of two: a multiplication by it spreads neighbouring numbers. */
const SCATTER = 0x9e3779b1;

/** Some megabytes at most: long keys are few. */
const KEYS_KEPT_MAX = 1 << 16;

/** Draws keys. */
export class KeySource {
  readonly keys: number;
  readonly #options: KeySourceOptions;
  readonly #random: Random;
  readonly #zipfian: Zipfian;
  /** Keys that were made before, by their numbers: one string a key is also found faster in the model. */
  readonly #made: Key[] = [];
  #newest = 0;

  constructor(options: KeySourceOptions, random: Random) {
    this.keys = options.keys;
    this.#options = options;
    this.#random = random;
    this.#zipfian = new Zipfian(options.keys);
  }

  /** A key to write. */
  forWrite(): Key {
    if (this.#options.distribution === "sequential") return this.insert();
    return this.keyAt(this.#draw());
  }

  /** The next key in order, from the first again behind the last. */
  insert(): Key {
    this.#newest = (this.#newest + 1) % this.keys;
    return this.keyAt(this.#newest);
  }

  /** A key to look for: one in sixteen is a neighbour that nothing writes. */
  forRead(): Key {
    const key = this.keyAt(this.#draw());
    return this.#random.chance(1, 16) ? `${key}\0` : key;
  }

  /** Two keys, the lower one first; at most `span` steps apart where keys are in the order of their numbers. */
  pair(span: number): [Key, Key] {
    const first = this.#draw();
    const a = this.keyAt(first);
    const b = this.keyAt(Math.min(this.keys, first + 1 + this.#random.int(span)));
    return a <= b ? [a, b] : [b, a];
  }

  /** What several keys start with. */
  prefix(): Key {
    const key = this.keyAt(this.#draw());
    return key.slice(0, Math.max(0, key.length - this.#random.between(1, 3)));
  }

  keyAt(index: number): Key {
    return index < KEYS_KEPT_MAX ? (this.#made[index] ??= this.#makeKey(index)) : this.#makeKey(index);
  }

  #makeKey(index: number): Key {
    switch (this.#options.style) {
      case "decimal":
        return `key${decimal(index)}`;
      case "binary":
        return bigEndian(index);
      case "ragged":
        return bigEndian(Math.imul(index, SCATTER) >>> 0).slice(0, 2 + (index % 7 > 2 ? 2 : index % 3));
      case "long":
        return `${"shared/prefix/of/every/key/".repeat(3)}${decimal(index)}`;
      case "prefix":
        return prefixKey(index);
      case "boundary":
        return boundaryKey(index, this.#options.lengths);
      default:
        return unreachable(this.#options.style);
    }
  }

  #draw(): number {
    switch (this.#options.distribution) {
      case "uniform":
        return this.#random.int(this.keys);
      case "zipfian":
        return (Math.imul(this.#zipfian.draw(this.#random) + 1, SCATTER) >>> 0) % this.keys;
      case "latest":
      case "sequential":
        return (this.#newest + this.keys - this.#zipfian.draw(this.#random)) % this.keys;
      default:
        return unreachable(this.#options.distribution);
    }
  }
}

function decimal(index: number): string {
  return String(index).padStart(8, "0");
}

function bigEndian(index: number): Key {
  return String.fromCharCode(index >>> 24, (index >>> 16) & 0xff, (index >>> 8) & 0xff, index & 0xff);
}

// a, a\0, a\0\0 … b, b\0 …, and now and then one that ends in \x01 or \xff in between.
function prefixKey(index: number): Key {
  const letter = String.fromCharCode(0x61 + (Math.floor(index / ZEROS_MAX) % 26));
  const zeros = "\0".repeat(index % ZEROS_MAX);
  const round = Math.floor(index / (ZEROS_MAX * 26));
  return letter + zeros + (round === 0 ? "" : String.fromCharCode(round % 2 ? 0xff : 0x01, round & 0xff));
}

// Of a given length, its number in front so that most of them differ.
function boundaryKey(index: number, lengths: readonly number[]): Key {
  const length = lengths[index % lengths.length]!;
  const number = index.toString(36);
  return length <= number.length ? number.slice(0, length) : number + "x".repeat(length - number.length);
}
