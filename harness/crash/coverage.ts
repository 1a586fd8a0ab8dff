// Where crashes fell: for each sync of the engine, how many images of before it, inside it and behind it were judged, by what
// the store was doing and by what took it down; and which parts of the formats the images showed.
//
//   before   between this sync and the one before it, with nothing or all of what it is about on the disk
//   inside   the sync had begun and not ended; or it was next, and a part of what it is about was on the disk: what a crash
//            in the middle of it leaves
//   after    between this sync and the next one

import type { Barrier } from "tinykv/env";
import type { Choices } from "../disk/choice.ts";
import type { Image } from "../disk/image.ts";
import type { SimulatedDisk } from "../disk/simulated-disk.ts";
import { changesDisk, type Trace, type TraceCall } from "../disk/trace.ts";
import { type Feature, type FeatureBits, FeatureCounter } from "../inspector/format-features.ts";
import type { Op, OpKind } from "../op.ts";
import { OPENING, STORE } from "./recorded-run.ts";

export type CrashPlace = "before" | "inside" | "after";

/** What took the store down; behind "then" in the recovery from what stands before it. */
export type CrashLoss = "power" | "kill" | "old bytes" | "kill, then power" | "power, then power";

/** What the store was doing. */
export type CrashPhase =
  | "create"
  | "write"
  | "async write"
  | "flush"
  | "compaction"
  | "sync"
  | "checkpoint"
  | "reopen"
  | "close"
  | "read"
  | "recovery";

/** Images that were judged at one kind of place. */
export interface CoverageCell {
  readonly barrier: Barrier;
  readonly place: CrashPlace;
  readonly phase: CrashPhase;
  readonly loss: CrashLoss;
  readonly images: number;
  /** What any of them showed of the formats. */
  readonly shown: FeatureBits;
}

export type CellPlace = Omit<CoverageCell, "images" | "shown">;

/** Plain values, that add up. */
export interface Coverage {
  readonly cells: readonly CoverageCell[];
  readonly features: Readonly<Record<Feature, number>>;
}

export class CoverageCounter {
  readonly #cells = new Map<string, CoverageCell & { images: number; shown: FeatureBits }>();
  readonly #features = new FeatureCounter();

  /** An image that was opened, and what it shows; `blockSize`: of the options. */
  opened(image: Image, blockSize: number): FeatureBits {
    return this.#features.add(image, STORE, blockSize);
  }

  /** An image of a place that shows this. */
  count({ phase, after, before, inside }: Omit<CoveredPoint, "covered">, loss: CrashLoss, shown: FeatureBits): void {
    if (after) this.#add({ barrier: after, place: "after", phase, loss, images: 1, shown });
    if (before) this.#add({ barrier: before, place: "before", phase, loss, images: 1, shown });
    if (inside) this.#add({ barrier: inside, place: "inside", phase, loss, images: 1, shown });
  }

  /** An image of a power cut at a point; how it came about tells whether it is one of the middle of a sync. */
  countPower(where: CoveredPoint, loss: CrashLoss, shown: FeatureBits, choices: () => Choices): void {
    const isPart = isInside(where, choices);
    this.count(isPart ? { ...where, before: undefined, inside: where.before } : where, loss, shown);
  }

  /** Whether an image of this kind of place was counted. */
  has(cell: CellPlace): boolean {
    return this.#cells.has(cellName(cell));
  }

  /** What another one counted. */
  add({ cells, features }: Coverage): void {
    for (const cell of cells) this.#add(cell);
    for (const [feature, images] of Object.entries(features)) this.#features.counts[feature as Feature] += images;
  }

  coverage(): Coverage {
    return { cells: [...this.#cells.values()], features: this.#features.counts };
  }

  #add(cell: CoverageCell): void {
    const key = cellName(cell);
    const known = this.#cells.get(key);
    if (known) {
      known.images += cell.images;
      known.shown |= cell.shown;
    } else this.#cells.set(key, { ...cell });
  }
}

/** Its place among all: no two cells of a campaign have one name. */
export function cellName({ barrier, place, phase, loss }: CellPlace): string {
  return [place, barrier, phase, loss].join("; ");
}

/** Of the parts of a campaign. */
export function mergeCoverage(parts: readonly Coverage[]): Coverage {
  const counter = new CoverageCounter();
  for (const part of parts) counter.add(part);
  return counter.coverage();
}

/** The place of a crash among the syncs of a trace. */
export interface CoveredPoint {
  readonly phase: CrashPhase;
  readonly after: Barrier | undefined;
  readonly before: Barrier | undefined;
  /** A sync that has begun and not ended. */
  readonly inside: Barrier | undefined;
  /** Of the pending items those that the next sync is about, where that is the next call. */
  readonly covered: readonly PendingItemCover[] | undefined;
}

interface PendingItemCover {
  readonly index: number;
  readonly newest: number;
}

type SyncCall = Extract<TraceCall, { barrier: Barrier }>;

/** Knows of each point of a trace what stands about it. */
export class TraceMap {
  readonly #trace: Trace;
  readonly #phases: readonly CrashPhase[];
  readonly #after: readonly (Barrier | undefined)[];
  readonly #next: readonly (number | undefined)[];
  readonly #inside: readonly (Barrier | undefined)[];

  /** Of a run; without operations it is that of a recovery. */
  constructor(trace: Trace, ops?: readonly Op[]) {
    this.#trace = trace;
    this.#phases = ops ? phasesOf(trace, ops) : trace.map(() => "recovery");
    const after: (Barrier | undefined)[] = [];
    const inside: (Barrier | undefined)[] = [];
    const begun = new Map<number, Barrier>();
    trace.forEach((event, i) => {
      if ("call" in event && event.call === "syncBegin") begun.set(event.sync, event.barrier);
      const ended = "call" in event && event.call === "syncEnd" ? begun.get(event.sync) : undefined;
      if ("call" in event && event.call === "syncEnd") begun.delete(event.sync);
      const made = "barrier" in event && event.call !== "syncBegin" ? event.barrier : ended;
      after.push(made ?? after[i - 1]);
      inside.push([...begun.values()][0]);
    });
    const next: (number | undefined)[] = [];
    for (let i = trace.length - 1; i >= 0; i--) next[i] = isSync(trace[i + 1]) ? i + 1 : next[i + 1];
    this.#after = after;
    this.#inside = inside;
    this.#next = next;
  }

  /** Behind the event `i`, the disk being as it was then. */
  at(i: number, disk: SimulatedDisk): CoveredPoint {
    const next = this.#next[i];
    const covered = next !== undefined && this.#isNext(i, next) ? coverOf(disk, this.#syncAt(next)) : undefined;
    return { ...this.among(i), covered };
  }

  /** The same without a look at the disk. */
  among(i: number): Omit<CoveredPoint, "covered"> {
    const next = this.#next[i];
    return {
      phase: this.#phases[i]!,
      after: this.#after[i],
      before: next === undefined ? undefined : this.#syncAt(next).barrier,
      inside: this.#inside[i],
    };
  }

  #syncAt(i: number): SyncCall {
    return this.#trace[i] as SyncCall;
  }

  #isNext(i: number, next: number): boolean {
    return !this.#trace.slice(i + 1, next).some(changesDisk);
  }
}

function isSync(event: Trace[number] | undefined): boolean {
  return event !== undefined && "barrier" in event;
}

function coverOf(disk: SimulatedDisk, call: TraceCall): PendingItemCover[] {
  const covers = disk.coveredBy(call);
  return disk
    .pending()
    .map((item, index) => ({ item, cover: { index, newest: item.times.length - 1 } }))
    .filter(({ item }) => covers(item))
    .map(({ cover }) => cover);
}

/** Whether what survived at a point is a part of what the next sync is about. */
export function isInside({ before, covered }: CoveredPoint, choices: () => Choices): boolean {
  return before !== undefined && covered !== undefined && isInPart(covered, choices());
}

function isInPart(covered: readonly PendingItemCover[], choices: Choices): boolean {
  let some = false;
  let all = true;
  for (const { index, newest } of covered) {
    const { version, torn } = choices[index]!;
    some ||= version > 0;
    all &&= version === newest && torn === undefined;
  }
  return some && !all;
}

// An operation goes on until the next one begins: what comes behind its return is a place of it, too.
function phasesOf(trace: Trace, ops: readonly Op[]): CrashPhase[] {
  const kinds = new Map(ops.map(({ id, kind }) => [id, kind]));
  let phase: CrashPhase = "create";
  return trace.map((event) => {
    if ("mark" in event && event.mark === "begin") {
      const kind = kinds.get(event.op);
      phase = kind ? PHASES[kind] : event.op === OPENING ? "create" : "close";
    }
    return phase;
  });
}

const PHASES: Readonly<Record<OpKind, CrashPhase>> = {
  put: "write",
  delete: "write",
  deleteRange: "write",
  batch: "write",
  putAsync: "async write",
  deleteAsync: "async write",
  writeAsync: "async write",
  settle: "async write",
  await: "async write",
  flush: "flush",
  compactRange: "compaction",
  step: "compaction",
  sync: "sync",
  resume: "sync",
  checkpoint: "checkpoint",
  reopen: "reopen",
  crash: "recovery",
  fault: "recovery",
  get: "read",
  getMany: "read",
  has: "read",
  scan: "read",
  cursorOpen: "read",
  cursorMove: "read",
  cursorClose: "read",
  snapshot: "read",
  snapshotGet: "read",
  snapshotScan: "read",
  release: "read",
  verify: "read",
  openReadOnly: "read",
};
