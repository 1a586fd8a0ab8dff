// YCSB's core workloads, A to F. Keys are drawn by Zipf's law with exponent 1 (YCSB: 0.99) and scattered over the key space;
// D reads what was inserted last. Scans take 1 to 100 entries, all lengths alike.

import { Random, Zipfian } from "tinykv/harness";
import type { BenchStore, Calls, Pending } from "../stores/store.ts";
import { KEY_BYTES, Keys, Values } from "./keys.ts";
import { Tally, warmUp } from "./reads.ts";
import type { Run, Setting, Workload } from "./workload.ts";

type Kind = "read" | "update" | "insert" | "scan" | "readModifyWrite";

interface Mix {
  readonly name: string;
  readonly what: string;
  /** Percent, in the order of the draw; 100 together. */
  readonly shares: readonly (readonly [Kind, number])[];
  readonly latest?: boolean;
}

const MIXES: readonly Mix[] = [
  { name: "ycsb-a", what: "50 % get, 50 % put of a key that is there", shares: percent({ read: 50, update: 50 }) },
  { name: "ycsb-b", what: "95 % get, 5 % put of a key that is there", shares: percent({ read: 95, update: 5 }) },
  { name: "ycsb-c", what: "get", shares: percent({ read: 100 }) },
  {
    name: "ycsb-d",
    what: "95 % get of what was put last, 5 % put of a new key",
    shares: percent({ read: 95, insert: 5 }),
    latest: true,
  },
  {
    name: "ycsb-e",
    what: "95 % scan of 1 to 100 entries, 5 % put of a new key",
    shares: percent({ scan: 95, insert: 5 }),
  },
  { name: "ycsb-f", what: "50 % get, 50 % get and put back", shares: percent({ read: 50, readModifyWrite: 50 }) },
];

const CALLS: Record<Kind, readonly (keyof Calls)[]> = {
  read: ["get"],
  update: ["put"],
  insert: ["put"],
  scan: ["scan"],
  readModifyWrite: ["get", "put"],
};

const SCAN_ENTRIES_MAX = 100;
/** Odd and far from any power of two: a multiplication by it spreads neighbouring numbers. */
const SCATTER = 0x9e3779b1;
/** Draws are made before the clock starts and used in a ring: drawing by Zipf's law costs as much as a cached read. */
const DRAWS_MAX = 1 << 20;

export const YCSB: readonly Workload[] = MIXES.map((mix) => ({
  name: mix.name,
  what: mix.what,
  calls: [...new Set(mix.shares.flatMap(([kind]) => CALLS[kind]))],
  start: "compacted",
  changes: true,
  readsOwnWrites: true,
  run: (store, setting) => mixed(mix, store, setting),
}));

function percent(shares: Partial<Record<Kind, number>>): readonly (readonly [Kind, number])[] {
  return Object.entries(shares).map(([kind, share]) => [kind as Kind, share]);
}

function mixed(mix: Mix, store: BenchStore, setting: Setting): Run {
  const operations = new Operations(mix, store, setting);
  const puts = mix.shares.reduce((sum, [kind, share]) => sum + (isPut(kind) ? share : 0), 0) / 100;
  return {
    bytesPerOp: puts * (KEY_BYTES + setting.valueBytes),
    opsPerStep: 1,
    steps: setting.keys,
    warmUp: () => warmUp(store, setting, operations.read),
    step: operations.step,
    live: () => operations.keyCount,
    check: () => operations.tally.demand("there"),
  };
}

function isPut(kind: Kind): boolean {
  return kind === "update" || kind === "insert" || kind === "readModifyWrite";
}

class Operations {
  readonly tally = new Tally();
  /** Keys 0 … keyCount - 1 are there. */
  keyCount: number;
  readonly #store: BenchStore;
  readonly #keys = new Keys(4);
  readonly #values: Values;
  readonly #kinds: readonly Kind[];
  readonly #ranks: Uint32Array;
  readonly #lengths: Uint8Array;
  readonly #latest: boolean;

  constructor(mix: Mix, store: BenchStore, { keys, valueBytes, seed }: Setting) {
    this.keyCount = keys;
    this.#store = store;
    this.#values = new Values(valueBytes, seed);
    this.#latest = mix.latest ?? false;
    const random = new Random(`${seed}:${mix.name}`);
    const zipfian = new Zipfian(keys);
    const draws = Math.min(DRAWS_MAX, keys);
    this.#kinds = Array.from({ length: draws }, () => drawKind(mix, random));
    this.#ranks = Uint32Array.from({ length: draws }, () => zipfian.draw(random));
    this.#lengths = Uint8Array.from({ length: draws }, () => random.between(1, SCAN_ENTRIES_MAX));
  }

  readonly step = (index: number): Pending => {
    const draw = index % this.#ranks.length;
    switch (this.#kinds[draw]!) {
      case "read":
        return this.read(draw);
      case "update":
        return this.#store.put(this.#keyAt(draw), this.#values.next());
      case "insert":
        return this.#insert();
      case "scan":
        return this.#scan(draw);
      default:
        return this.#readModifyWrite(draw);
    }
  };

  readonly read = (draw: number = 0): Pending => this.tally.take(this.#store.get(this.#keyAt(draw)));

  #insert(): Pending {
    const put = this.#store.put(this.#keys.at(this.keyCount), this.#values.next());
    if (put === undefined) {
      this.keyCount++;
      return undefined;
    }
    return put.then(() => void this.keyCount++);
  }

  #scan(draw: number): Pending {
    const limit = this.#lengths[draw]!;
    const entries = this.#store.scan({ from: this.#keyAt(draw), reverse: false, limit });
    return this.tally.take(entries);
  }

  #readModifyWrite(draw: number): Pending {
    const key = this.#keyAt(draw);
    const answer = this.tally.take(this.#store.get(key));
    if (answer === undefined) return this.#store.put(key, this.#values.next());
    return answer.then(() => this.#store.put(key, this.#values.next()));
  }

  #keyAt(draw: number): Buffer {
    const rank = this.#ranks[draw]!;
    if (this.#latest) return this.#keys.at(this.keyCount - 1 - Math.min(rank, this.keyCount - 1));
    return this.#keys.at((Math.imul(rank + 1, SCATTER) >>> 0) % this.keyCount);
  }
}

function drawKind(mix: Mix, random: Random): Kind {
  let at = random.int(100);
  for (const [kind, share] of mix.shares) {
    if (at < share) return kind;
    at -= share;
  }
  throw new Error(`${mix.name} has shares that are not 100 together`);
}
