// Which branches an execution took, and how often: counters that the instrumented modules raise (instrument.ts), looked at
// and cleared after each execution. How often is told roughly (1, 2, 3, to 7, to 15, to 31, to 127, more), as AFL does: a
// loop that runs once more is news only while the numbers are small.

/** Where an instrumented module finds its counters. */
export const COUNTERS = "__tinykvBranches";

const MOST = 128;
const BUCKETS: Uint8Array = Uint8Array.from({ length: 256 }, (_, count) => bucketOf(count));

function bucketOf(count: number): number {
  if (count <= 3) return count === 0 ? 0 : 1 << (count - 1);
  if (count <= 7) return 8;
  if (count <= 15) return 16;
  return count <= 31 ? 32 : count <= 127 ? 64 : MOST;
}

export class Coverage {
  readonly #counters: Uint16Array<ArrayBuffer>;
  // The same memory, two counters at a time: nearly all of them are zero.
  readonly #pairs: Uint32Array;
  readonly #seen: Uint8Array;

  /** Counters for so many branches, for the modules to find when they are loaded; or those of another, nothing of it known. */
  constructor(counters: number | Uint16Array<ArrayBuffer>) {
    this.#counters = typeof counters === "number" ? new Uint16Array(counters + (counters % 2)) : counters;
    this.#pairs = new Uint32Array(this.#counters.buffer);
    this.#seen = new Uint8Array(this.#counters.length);
    (globalThis as Record<string, unknown>)[COUNTERS] = this.#counters;
  }

  /** The same counters, as if nothing had run yet. */
  fresh(): Coverage {
    return new Coverage(this.#counters);
  }

  clear(): void {
    this.#pairs.fill(0);
  }

  /** Whether the execution since clear() did something that none before it did; remembers what it did. */
  isNew(): boolean {
    let found = false;
    const pairs = this.#pairs;
    for (let i = 0; i < pairs.length; i++) {
      if (pairs[i] === 0) continue;
      if (this.#learn(2 * i)) found = true;
      if (this.#learn(2 * i + 1)) found = true;
    }
    return found;
  }

  #learn(branch: number): boolean {
    const count = this.#counters[branch]!;
    const bucket = count < 256 ? BUCKETS[count]! : MOST;
    if ((bucket & ~this.#seen[branch]!) === 0) return false;
    this.#seen[branch]! |= bucket;
    return true;
  }

  /** The branches that the execution since clear() took. */
  taken(): number[] {
    const branches: number[] = [];
    for (const [branch, count] of this.#counters.entries()) if (count > 0) branches.push(branch);
    return branches;
  }

  /** The branches that any execution took that isNew() was asked about. */
  known(): number[] {
    const branches: number[] = [];
    for (const [branch, buckets] of this.#seen.entries()) if (buckets > 0) branches.push(branch);
    return branches;
  }
}
