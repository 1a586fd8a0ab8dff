import type { Env } from "tinykv/env";
import {
  EMPTY_DIRECTORIES,
  HeldSyncs,
  ImageEnv,
  makeImage,
  RecordingEnv,
  SimulatedDisk,
  STORE,
  type ContentStore,
  type Fault,
  type FaultOp,
  type FaultyWorld,
  type FileContent,
  type Image,
  type PlannedCall,
  type TraceEvent,
} from "tinykv/harness";
import { namesOf } from "./call-name.ts";
import { CapacityEnv } from "./capacity-env.ts";
import { FailStopCheck } from "./fail-stop-check.ts";

/** A call as it was planned, and where in the run: behind so many operations. */
export interface CountedCall {
  readonly step: number;
  readonly planned: PlannedCall;
  /** From 0, among the calls of this name behind this step. */
  readonly nth: number;
  /** As it ended; of calls that fail, too. */
  event?: TraceEvent;
}

interface Armed {
  readonly op: FaultOp;
  seen: number;
}

export interface FaultyDiskOptions {
  readonly contents: ContentStore;
  /** What the machine finds when it starts; absent: nothing but the directory for the store. */
  readonly image?: Image;
  /** The killed process that left the image: its writes are pending still. Absent: all of the image is durable. */
  readonly killed?: FaultyDisk;
  /** After a kill: what failed to be synced reads back its old bytes. */
  readonly oldBytes?: boolean;
  /** Of the disk, in bytes; absent: without end. */
  readonly capacity?: number;
  /** Every call is kept, for those who plan faults. */
  readonly counting?: boolean;
}

/** The disk under one run: a file system in memory, the faults planned for it, and what a crash would leave of it. */
export class FaultyDisk implements FaultyWorld {
  readonly env: Env;
  readonly disk: SimulatedDisk;
  readonly calls: CountedCall[] = [];
  readonly failStop: FailStopCheck;
  readonly capacity: CapacityEnv;
  readonly syncs: HeldSyncs;
  /** A sync has failed: a kill may then show the old bytes. */
  syncFailed = false;
  unlinkFailed = false;
  /** Faults that came, short counts included. */
  faults = 0;
  readonly #contents: ContentStore;
  readonly #files: ImageEnv;
  #counting: boolean;
  readonly #counts = new Map<string, number>();
  #armed: Armed[] = [];
  #errors = 0;
  #asides = 0;
  #time: number;
  #step = 0;

  constructor({ contents, image, killed, oldBytes, capacity, counting = false }: FaultyDiskOptions) {
    const start = image ?? makeImage([], EMPTY_DIRECTORIES);
    this.failStop = killed?.failStop.afterKill() ?? new FailStopCheck();
    this.#time = killed ? killed.#time : 0;
    this.#contents = contents;
    this.#counting = counting;
    this.#files = new ImageEnv(start);
    this.disk = killed?.disk.clone() ?? new SimulatedDisk(start, contents);
    if (killed) this.disk.kill(oldBytes);
    this.capacity = new CapacityEnv(this.#files, capacity ?? Number.POSITIVE_INFINITY);
    const before = (call: PlannedCall): Fault | undefined => this.#before(call);
    const after = (event: TraceEvent): void => this.#after(event);
    this.syncs = new HeldSyncs(capacity === undefined ? this.#files : this.capacity);
    this.env = new RecordingEnv(this.syncs, { before, after }, { keepBytes: false });
  }

  get injected(): number {
    return this.#errors + this.capacity.refusals + this.syncs.injected;
  }

  get mustStop(): boolean {
    return this.failStop.isStopped(STORE);
  }

  /** Counting starts anew for each operation. */
  begin(step: number): void {
    this.#step = step;
    this.#counts.clear();
  }

  stopCounting(): void {
    this.#counting = false;
  }

  arm(op: FaultOp): void {
    this.#armed.push({ op, seen: 0 });
  }

  aside<T>(action: () => T): T {
    this.#asides++;
    this.capacity.isLifted = true;
    try {
      return action();
    } finally {
      this.#asides--;
      this.capacity.isLifted = this.#asides > 0;
    }
  }

  heal(): void {
    this.#armed = [];
    this.capacity.heal();
  }

  look(directory: string): ReadonlyMap<string, FileContent> {
    const { files } = this.#files.capture(this.#contents);
    return new Map([...files].filter(([path]) => path.startsWith(`${directory}/`)));
  }

  #before(call: PlannedCall): Fault | undefined {
    if (this.#asides > 0) return undefined;
    if (this.#counting) this.#count(call);
    let due: FaultOp | undefined;
    for (const armed of this.#armed) {
      if (!namesOf(call).includes(armed.op.call)) continue;
      const nth = armed.seen++;
      if (nth === armed.op.nth || (nth > armed.op.nth && armed.op.lasting)) due ??= armed.op;
    }
    if (!due) return undefined;
    this.faults++;
    if (due.outcome !== "short") this.#errors++;
    if (call.call === "unlink") this.unlinkFailed = true;
    return { outcome: due.outcome, error: due.error };
  }

  #count(planned: PlannedCall): void {
    const [name] = namesOf(planned);
    const nth = this.#counts.get(name!) ?? 0;
    this.#counts.set(name!, nth + 1);
    this.calls.push({ step: this.#step, planned, nth });
  }

  #after(event: TraceEvent): void {
    if (this.#counting && this.#asides === 0) {
      const last = this.calls.at(-1);
      if (last) last.event = event;
    }
    this.disk.apply(event, ++this.#time);
    this.failStop.note(event);
    const isSync = "call" in event && (event.call === "syncEnd" || "barrier" in event);
    if (isSync && event.error !== undefined) this.syncFailed = true;
  }
}
