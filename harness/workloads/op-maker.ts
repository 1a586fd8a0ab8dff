import type { KeyRange } from "../keys.ts";
import type { Change, CrashOp, FaultOp, Op, ScanOptions } from "../op.ts";
import type { ValueRef } from "../values.ts";
import type { KeySource } from "./key-source.ts";
import type { LengthSource } from "./length-source.ts";
import type { Step } from "./mixes.ts";
import { type Random } from "./random.ts";

/** What one run has drawn for all of its operations. */
export interface Draws {
  readonly random: Random;
  readonly keys: KeySource;
  readonly lengths: LengthSource;
  /** Writes with `sync`, in 1,024. */
  readonly syncs: number;
  /** The most changes in an ordinary batch, and in the rare big one. */
  readonly batch: readonly [usual: number, seldom: number];
  /** Keys of an ordinary range, at most. */
  readonly span: number;
  /** One cursor in so many has its bounds the wrong way round; 0: none. */
  readonly invertedEvery: number;
  /** The configurations that a reopen chooses from. */
  readonly configs: readonly string[];
  readonly firstId: number;
  readonly incarnation: number;
}

/** Names that are live at one time: enough to interleave, few enough to be used more than once. */
const SNAPSHOTS_MAX = 4;
const CURSORS_MAX = 3;
const TAGS_MAX = 16;

const MOVES = ["next", "next", "next", "prev", "prev", "seek", "seekForPrev", "first", "last"] as const;

const ENV_CALLS = ["write", "sync", "open", "rename", "unlink", "read", "syncDirectory", "truncate"] as const;

/** Makes operations one by one, with names that exist and ids that rise. */
export class OpMaker {
  readonly #draws: Draws;
  readonly #random: Random;
  readonly #snapshots: string[] = [];
  readonly #cursors: string[] = [];
  readonly #tags: string[] = [];
  #named = 0;
  #nextId: number;
  #incarnation: number;

  constructor(draws: Draws) {
    this.#draws = draws;
    this.#random = draws.random;
    this.#nextId = draws.firstId;
    this.#incarnation = draws.incarnation;
  }

  /** One step as its operations; a step that names what is not there makes it first, or ends what there is too much of. */
  make(step: Step): Op[] {
    if (step !== "readModifyWrite") return [this.#one(step)];
    const key = this.#draws.keys.forWrite();
    return [{ id: this.#id(), kind: "get", key }, this.#put(key)];
  }

  #one(step: Exclude<Step, "readModifyWrite">): Op {
    const { keys } = this.#draws;
    switch (step) {
      case "put":
        return this.#put(keys.forWrite());
      case "insert":
        return this.#put(keys.insert());
      case "delete":
        return { id: this.#id(), kind: step, key: keys.forWrite(), sync: this.#sync() };
      case "deleteRange": {
        const [from, to] = keys.pair(this.#random.chance(1, 64) ? keys.keys : this.#draws.span);
        return { id: this.#id(), kind: step, from, to, sync: this.#sync() };
      }
      case "batch":
        return { id: this.#id(), kind: step, sync: this.#sync(), changes: this.#changes() };
      case "get":
      case "has":
        return { id: this.#id(), kind: step, key: keys.forRead() };
      case "getMany": {
        const id = this.#id();
        return { id, kind: step, keys: Array.from({ length: this.#random.int(8) }, () => keys.forRead()) };
      }
      case "scan":
        return { id: this.#id(), kind: step, ...this.#scan() };
      case "cursorOpen":
      case "cursorMove":
      case "cursorClose":
        return this.#cursorOp(step);
      case "snapshot":
      case "snapshotGet":
      case "snapshotScan":
      case "release":
        return this.#snapshotOp(step);
      case "putAsync":
      case "deleteAsync":
      case "writeAsync":
      case "settle":
      case "await":
        return this.#asyncOp(step);
      default:
        return this.#storeOp(step);
    }
  }

  #put(key: string): Op {
    const id = this.#id();
    return { id, kind: "put", key, value: this.#value(id, key), sync: this.#sync() };
  }

  #changes(): Change[] {
    const [usual, seldom] = this.#draws.batch;
    const count = this.#random.between(1, this.#random.chance(1, 64) ? seldom : usual);
    return Array.from({ length: count }, () => this.#change());
  }

  #change(): Change {
    const { keys, span } = this.#draws;
    const draw = this.#random.int(32);
    if (draw === 0) {
      const [from, to] = keys.pair(span);
      return { kind: "deleteRange", from, to };
    }
    const key = keys.forWrite();
    return draw < 8 ? { kind: "delete", key } : { kind: "put", key, value: this.#value(this.#id(), key) };
  }

  #scan(): ScanOptions {
    const { keys, span } = this.#draws;
    const [from, to] = keys.pair(span);
    const shape = this.#random.int(8);
    const range: KeyRange =
      shape < 3
        ? { gte: from, lt: to }
        : shape === 3
          ? { gt: from, lte: to }
          : shape === 4
            ? { prefix: keys.prefix() }
            : shape === 5
              ? { gte: from }
              : shape === 6
                ? { lt: to }
                : {};
    // A scan of everything is for small stores: it would make a long run quadratic.
    const bounded = shape < 4 || keys.keys <= 256;
    const limit = this.#random.pick(bounded ? [undefined, undefined, 0, 1, 10] : [1, 10, 100]);
    return {
      ...range,
      ...(limit === undefined ? {} : { limit }),
      ...(this.#random.chance(1, 2) ? { reverse: true } : {}),
      ...this.#random.pick([{}, {}, {}, {}, { only: "keys" }, { only: "values" }] as const),
    };
  }

  #cursorOp(step: "cursorOpen" | "cursorMove" | "cursorClose"): Op {
    const id = this.#id();
    const open = this.#cursors.length === 0 || (step === "cursorOpen" && this.#cursors.length < CURSORS_MAX);
    if (open) return this.#cursorOpen(id);
    if (step !== "cursorMove") return { id, kind: "cursorClose", cursor: this.#take(this.#cursors) };
    const cursor = this.#random.pick(this.#cursors);
    const move = this.#random.pick(MOVES);
    if (move !== "seek" && move !== "seekForPrev") return { id, kind: "cursorMove", cursor, move };
    return { id, kind: "cursorMove", cursor, move, key: this.#draws.keys.forRead() };
  }

  #cursorOpen(id: number): Op {
    const cursor = this.#name("c", this.#cursors);
    const { keys, span, invertedEvery } = this.#draws;
    const bounds = keys.pair(span);
    if (invertedEvery > 0 && this.#random.chance(1, invertedEvery)) bounds.reverse();
    const [lower, upper] = bounds;
    const pinned = this.#snapshots.length > 0 && this.#random.chance(1, 4);
    return {
      id,
      kind: "cursorOpen",
      cursor,
      ...(pinned ? { snapshot: this.#random.pick(this.#snapshots) } : {}),
      ...this.#random.pick([{}, {}, { lower }, { upper }, { lower, upper }]),
    };
  }

  #snapshotOp(step: "snapshot" | "snapshotGet" | "snapshotScan" | "release"): Op {
    const id = this.#id();
    const take = this.#snapshots.length === 0 || (step === "snapshot" && this.#snapshots.length < SNAPSHOTS_MAX);
    if (take) return { id, kind: "snapshot", snapshot: this.#name("s", this.#snapshots) };
    if (step === "snapshot" || step === "release") {
      return { id, kind: "release", snapshot: this.#take(this.#snapshots) };
    }
    const snapshot = this.#random.pick(this.#snapshots);
    if (step === "snapshotGet") return { id, kind: step, snapshot, key: this.#draws.keys.forRead() };
    return { id, kind: step, snapshot, ...this.#scan() };
  }

  #asyncOp(step: "putAsync" | "deleteAsync" | "writeAsync" | "settle" | "await"): Op {
    const id = this.#id();
    if (step === "settle") {
      const outcome = this.#random.chance(1, 64) ? "fail" : "ok";
      return { id, kind: step, nth: this.#random.int(4), outcome };
    }
    if (this.#tags.length >= TAGS_MAX || (step === "await" && this.#tags.length > 0)) {
      return { id, kind: "await", tag: this.#take(this.#tags) };
    }
    const tag = this.#name("t", this.#tags);
    if (step === "writeAsync") return { id, kind: step, tag, sync: this.#sync(), changes: this.#changes() };
    const key = this.#draws.keys.forWrite();
    if (step === "deleteAsync") return { id, kind: step, tag, key, sync: this.#sync() };
    return { id, kind: "putAsync", tag, key, value: this.#value(id, key), sync: this.#sync() };
  }

  #storeOp(step: Op["kind"]): Op {
    const id = this.#id();
    switch (step) {
      case "step":
        return this.#random.chance(1, 2) ? { id, kind: step } : { id, kind: step, job: this.#random.int(4) };
      case "compactRange": {
        const [from, to] = this.#draws.keys.pair(this.#draws.span);
        return { id, kind: step, ...this.#random.pick([{}, {}, { from }, { to }, { from, to }]) };
      }
      case "checkpoint":
        return { id, kind: step, name: `k${++this.#named}` };
      case "reopen":
        this.#closed();
        return { id, kind: step, config: this.#random.pick(this.#draws.configs) };
      case "crash":
        this.#closed();
        this.#incarnation++;
        return this.#crash(id);
      case "fault":
        return this.#fault(id);
      case "sync":
      case "verify":
      case "openReadOnly":
      case "resume":
        return { id, kind: step };
      default:
        return { id, kind: "flush" };
    }
  }

  // Half of them at once, half inside the operation that follows.
  #crash(id: number): CrashOp {
    const loss = this.#random.pick(["kill", "power"] as const);
    const survival = this.#random.pick([
      { kind: "none" },
      { kind: "all" },
      { kind: "seed", seed: this.#random.int(1 << 30) },
    ] as const);
    if (this.#random.chance(1, 2)) return { id, kind: "crash", loss, survival };
    const call = this.#random.pick(ENV_CALLS);
    const when = this.#random.pick(["before", "inside", "after"] as const);
    return { id, kind: "crash", loss, survival, at: { op: id + 1, call, nth: this.#random.int(4), when } };
  }

  #fault(id: number): FaultOp {
    return {
      id,
      kind: "fault",
      call: this.#random.pick(ENV_CALLS),
      nth: this.#random.int(16),
      outcome: this.#random.pick(["none", "part", "whole", "short"]),
      error: this.#random.pick(["EIO", "ENOSPC"]),
      lasting: this.#random.chance(1, 4),
    };
  }

  #id(): number {
    return this.#nextId++;
  }

  #value(id: number, key: string): ValueRef {
    return { incarnation: this.#incarnation, id, length: this.#draws.lengths.next(key.length) };
  }

  #sync(): boolean {
    return this.#random.chance(this.#draws.syncs, 1024);
  }

  #name(letter: string, live: string[]): string {
    const name = `${letter}${++this.#named}`;
    live.push(name);
    return name;
  }

  #take(live: string[]): string {
    return live.splice(this.#random.int(live.length), 1)[0]!;
  }

  #closed(): void {
    this.#snapshots.length = this.#cursors.length = this.#tags.length = 0;
  }
}
