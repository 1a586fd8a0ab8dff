import { SELF_DESCRIBING_BYTES_MIN } from "../values.ts";
import type { Random } from "./random.ts";

/** How long values are. In each at least half are long enough to name their writer. */
export type ValueProfile = "small" | "mixed" | "large" | "boundary" | `fixed:${number}`;

/** The sizes of the store's own units, whose edges the profile "boundary" is about. */
export interface Edges {
  readonly blockSize: number;
  readonly logBlockSize: number;
}

const KIB = 1 << 10;

/** Around an edge: the chunk header (19) and what LevelDB's is (7), one more and one less. */
const OFFSETS = [-20, -19, -18, -8, -7, -6, -1, 0, 1, 6, 7, 8, 18, 19, 20] as const;

/** What a record of one put adds to its value: chunk header, sequence number and count, kind, two lengths. */
const RECORD_BYTES = 19 + 12 + 1 + 2;

/** Draws the lengths of values. */
export class LengthSource {
  readonly #profile: ValueProfile;
  readonly #fixed: number;
  readonly #near: readonly number[];
  readonly #far: readonly number[];
  readonly #random: Random;

  constructor(profile: ValueProfile, edges: Edges, random: Random) {
    this.#profile = profile;
    this.#fixed = profile.startsWith("fixed:") ? Number(profile.slice("fixed:".length)) : 0;
    const all = valueEdges(edges);
    this.#near = all.filter((edge) => edge < 8 * KIB);
    this.#far = all.filter((edge) => edge >= 8 * KIB);
    this.#random = random;
  }

  next(keyLength: number): number {
    if (this.#profile.startsWith("fixed:")) return this.#fixed;
    if (this.#random.chance(1, 5)) return this.#random.int(SELF_DESCRIBING_BYTES_MIN);
    switch (this.#profile) {
      case "boundary":
        return this.#nearEdge(keyLength);
      case "large":
        return this.#random.between(SELF_DESCRIBING_BYTES_MIN, this.#tier(4 * KIB, 64 * KIB, 1024 * KIB));
      case "mixed":
        return this.#random.between(SELF_DESCRIBING_BYTES_MIN, this.#tier(200, 4 * KIB, 40 * KIB));
      default:
        return this.#random.between(SELF_DESCRIBING_BYTES_MIN, 64);
    }
  }

  #tier(often: number, sometimes: number, seldom: number): number {
    const draw = this.#random.int(128);
    return draw === 0 ? seldom : draw < 8 ? sometimes : often;
  }

  #nearEdge(keyLength: number): number {
    const edge = this.#random.pick(this.#random.chance(1, 16) ? this.#far : this.#near);
    const record = this.#random.chance(1, 2) ? RECORD_BYTES + keyLength : 0;
    const length = edge + this.#random.pick(OFFSETS) - record;
    return Math.max(length, SELF_DESCRIBING_BYTES_MIN);
  }
}

function valueEdges({ blockSize, logBlockSize }: Edges): number[] {
  const varints = [1 << 7, 1 << 14];
  const offsets = [1 << 16];
  const logBlocks = [512, 1024, 1536, 32 * KIB, 64 * KIB, logBlockSize, 2 * logBlockSize];
  const blocks = [blockSize, 2 * blockSize];
  return [...varints, ...offsets, ...logBlocks, ...blocks].filter((edge) => edge <= 128 * KIB);
}

/** The lengths of the keys that go with the profile "boundary": edges of varints, offsets and blocks, long ones seldom. */
export function boundaryKeyLengths({ blockSize }: Edges): number[] {
  const near = [0, 1, 2, 3, 7, 8, 15, 16, 17, 126, 127, 128, 129, 255, 256];
  const block = blockSize <= 4 * KIB ? [blockSize - 1, blockSize, blockSize + 1] : [];
  const far = [16_383, 16_384, 65_535, 65_536];
  return [...near, ...near, ...near, ...near, ...near, ...block, ...far];
}
