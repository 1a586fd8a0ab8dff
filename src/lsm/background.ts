import { assert } from "../common/assert.ts";
import type { TinyKVError } from "../common/errors.ts";
import { CompactionBody } from "./compaction-job.ts";
import { pickCompaction, pickRange, type CompactionPlan } from "./compaction-picker.ts";
import { FlushBody } from "./flush-job.ts";
import type { JobDescription, JobKind } from "./job-description.ts";
import { LocalJob, type JobBody } from "./job.ts";
import { levelTargets } from "./level-targets.ts";
import type { BackgroundMode } from "./options.ts";
import type { Store } from "./store.ts";
import { HandedJob } from "./thread/handed-job.ts";
import { Hands } from "./thread/hands.ts";

/** Compactions that may run beside each other, on disjoint inputs and outputs. */
const COMPACTIONS_MOST = 2;

/** A flush has to be done before the next memtable is full: it consumes this many bytes for each byte written. */
const FLUSH_BYTES_PER_BYTE = 2;

/** A write consumes at least this many bytes of a running compaction's input, a block's worth and a bit … */
const COMPACTION_BYTES_LEAST = 8 << 10;

/** … and at most this many, so that no single write pays for much. */
const COMPACTION_BYTES_MOST = 256 << 10;

/** After a failure a kind of job rests for this many writes, doubling up to the most, before it is tried again unasked. */
const REST_WRITES_LEAST = 16;
const REST_WRITES_MOST = 4096;

/** Tombstones grow old by the writes that follow them: that is looked at again after this many. */
const IDLE_WRITES = 1024;

const NEVER_IDLE = { version: undefined, oldestSnapshot: undefined, jobs: 0, until: 0 };

/** Above the slow-down mark of level 0, compactions move this many times faster. */
const SLOWDOWN_FACTOR = 4;

/** What falls due without a flush or compaction that ends is looked for by a write in so many, where a thread works. */
const LOOK_WRITES = 64;

export type AnyJob = LocalJob | HandedJob;

const leavesLevel0 = ({ inputs }: CompactionPlan): boolean => inputs[0]!.level === 0;

/**
 * Owns the jobs: decides which are due and moves them as its caller says, or hands them to the worker thread.
 *
 * Invariants:
 *   - one flush at a time, of the oldest waiting memtable;
 *   - jobs with overlapping inputs or output ranges never run at once (the picker is told what runs);
 *   - a failed job is not begun again before a rest or an explicit demand, so idle stepping ends.
 */
export class Background {
  readonly #store: Store;
  readonly #hands: Hands;
  #jobs: AnyJob[] = [];
  #nextId = 1;
  #writes = 0;
  readonly #rests: Record<JobKind, { until: number; length: number }> = {
    flush: { until: 0, length: 0 },
    compaction: { until: 0, length: 0 },
  };
  #idle: { version: unknown; oldestSnapshot: number | undefined; jobs: number; until: number } = NEVER_IDLE;
  #isClosing = false;
  #pendingBytes = 0;
  #pendingFor: unknown;

  constructor(store: Store) {
    this.#store = store;
    this.#hands = new Hands(store.context, {
      jobs: () => this.#jobs.filter((job) => job instanceof HandedJob),
      ended: (job) => this.#ended(job),
      idle: () => this.poll(),
    });
  }

  /** Who moves the jobs. */
  get mode(): BackgroundMode {
    return this.#hands.mode;
  }

  /** Running and due jobs. */
  jobs(): JobDescription[] {
    this.#schedule();
    return this.#jobs.map(({ id, kind, inputs }) => ({ id, kind, inputs }));
  }

  /** Outputs being written, which no version names yet. */
  pendingOutputs(): number[] {
    return this.#jobs.flatMap((job) => job.pendingOutputs);
  }

  /** Moves one job by one step; false when there is none to move (or none of that id). */
  step(id?: number): boolean {
    this.#schedule();
    const job = id === undefined ? this.#jobs[0] : this.#jobs.find((candidate) => candidate.id === id);
    if (!job) return false;
    this.#move(job);
    return true;
  }

  /** Rests and the age of tombstones are counted in writes, whoever moves the jobs. */
  noteWrite(): void {
    this.#writes++;
  }

  /**
   * What a write does for the jobs of the worker thread: commits what is finished, begins what is due. Nothing in the
   * other modes.
   */
  poll(): void {
    if (this.mode !== "thread" || this.#isClosing) return;
    const news = this.#hands.settle();
    const flushIsDue = this.#store.memtables.waiting.length > 0 && !this.isRunning("flush");
    if (!news && !flushIsDue && this.#writes % LOOK_WRITES !== 0) return;
    this.#schedule();
    for (const job of this.#jobs) if (job instanceof LocalJob) this.#runToEnd(job);
  }

  /** Whether a job of that kind is under way. */
  isRunning(kind: JobKind): boolean {
    return this.#jobs.some((job) => job.kind === kind);
  }

  /** What a write of that many bytes owes: the flush moves first, then the compactions. */
  advance(bytesWritten: number): void {
    this.#schedule();
    if (this.#jobs.length === 0) return;
    this.#moveBy("flush", FLUSH_BYTES_PER_BYTE * bytesWritten);
    this.#moveBy("compaction", this.#compactionBudget(bytesWritten));
  }

  /** The job that a stalled write waits for, and names. */
  blocking(kind: JobKind): AnyJob | undefined {
    this.#rests[kind].until = 0;
    this.#schedule();
    const candidates = this.#jobs.filter((job) => job.kind === kind);
    // Of two compactions the one that empties level 0 ends the stall.
    return candidates.find(({ body }) => body instanceof CompactionBody && leavesLevel0(body.plan)) ?? candidates[0];
  }

  /** Moves a job that blocking() has just given by one step; what it failed with. */
  moveBlocking(job: AnyJob): TinyKVError | undefined {
    this.#move(job);
    return job.error;
  }

  /** Runs one due job of that kind to its end; what it failed with. False when none is due. */
  runOne(kind: JobKind): TinyKVError | boolean {
    this.#rests[kind].until = 0;
    this.#schedule();
    const job = this.#jobs.find((candidate) => candidate.kind === kind);
    if (!job) return false;
    this.#runToEnd(job);
    return job.error ?? true;
  }

  /** Runs every running job to its end, without beginning others. */
  finishRunning(): void {
    while (this.#jobs.length > 0) this.#runToEnd(this.#jobs[0]!);
  }

  /** Merges everything that overlaps the range, to the end; throws what the job failed with. */
  compactRange(
    from: Uint8Array | undefined,
    to: Uint8Array | undefined,
    progress: (done: number, total: number) => void,
  ): void {
    this.finishRunning();
    const plan = pickRange(this.#store.versions.current, from, to, this.#store.context.options);
    if (!plan) return;
    const job = this.#begin(new CompactionBody(this.#store, plan));
    const total = plan.inputs.reduce((sum, { tables }) => tables.reduce((bytes, table) => bytes + table.size, sum), 0);
    for (let done = 0; !job.isDone; progress(Math.min(done, total), total)) done += this.#move(job);
    if (job.error) throw job.error;
    // The thread could not do it: now it is done here, or by another thread.
    const isUndone = job instanceof HandedJob && (job.wasWithdrawn || (job.wasAbandoned && this.mode === "inline"));
    if (isUndone && !this.#isClosing) this.compactRange(from, to, progress);
  }

  /** A memtable is flushed first thing by resume(), whatever failed before. */
  forgetFailures(): void {
    for (const rest of Object.values(this.#rests)) rest.until = rest.length = 0;
  }

  /** Ends all jobs without results; their outputs are removed. */
  abandonAll(): void {
    this.#hands.raiseAborts();
    for (const job of this.#jobs) job.abandon();
    this.#jobs = [];
  }

  /** No job is begun any more, whoever calls: a listener may close the store in the middle of its work. */
  beginClosing(): void {
    this.#isClosing = true;
  }

  /** The worker thread is let go. All jobs have ended. */
  close(): void {
    assert(this.#jobs.length === 0, "a store that closes has no jobs");
    this.#hands.end();
  }

  #schedule(): void {
    const { context, memtables } = this.#store;
    if (this.#isClosing || !context.health.isWell) return;
    const oldest = memtables.waiting[0];
    if (oldest && !this.isRunning("flush") && this.#isDue("flush")) this.#begin(new FlushBody(this.#store, oldest));
    while (this.#isDue("compaction") && this.#plans().length < COMPACTIONS_MOST) {
      const plan = this.#pick();
      if (!plan) break;
      this.#begin(new CompactionBody(this.#store, plan));
    }
  }

  // Choosing costs a walk over all tables: when there was nothing to choose, it is not asked again before something changed.
  #pick(): CompactionPlan | undefined {
    const { context, versions, snapshots } = this.#store;
    const version = versions.current;
    const oldestSnapshot = snapshots.oldest();
    const idle = this.#idle;
    const asked = idle.version === version && idle.oldestSnapshot === oldestSnapshot && idle.jobs === this.#jobs.length;
    if (asked && this.#writes < idle.until) return undefined;
    const plan = pickCompaction(version, context.options, {
      running: this.#plans(),
      cursors: versions.compactionCursors,
      oldestSnapshot,
      lastSequence: versions.lastSequence,
    });
    if (!plan) this.#idle = { version, oldestSnapshot, jobs: this.#jobs.length, until: this.#writes + IDLE_WRITES };
    return plan;
  }

  #begin(body: JobBody): AnyJob {
    const id = this.#nextId++;
    const thread = body.hasWork ? this.#hands.thread() : undefined;
    const job = thread ? new HandedJob(this.#store, id, body, thread) : new LocalJob(this.#store, id, body);
    this.#jobs.push(job);
    if (job.isDone) this.#ended(job);
    return job;
  }

  #plans(): CompactionPlan[] {
    return this.#jobs.flatMap(({ body }) => (body instanceof CompactionBody ? [body.plan] : []));
  }

  #isDue(kind: JobKind): boolean {
    return this.#writes >= this.#rests[kind].until;
  }

  #moveBy(kind: JobKind, bytes: number): void {
    for (const job of this.#jobs.filter((candidate) => candidate.kind === kind)) {
      let moved = 0;
      while (moved < bytes && !job.isDone) {
        const step = this.#move(job);
        if (step === 0) break;
        moved += step;
      }
    }
  }

  #runToEnd(job: AnyJob): void {
    while (!job.isDone) this.#move(job);
  }

  #move(job: AnyJob): number {
    if (job instanceof HandedJob) return this.#hands.waitFor(job);
    const bytes = job.step();
    if (job.isDone) this.#ended(job);
    return bytes;
  }

  #ended(job: AnyJob): void {
    this.#jobs = this.#jobs.filter((other) => other !== job);
    const rest = this.#rests[job.kind];
    if (job.error) {
      rest.length = Math.min(REST_WRITES_MOST, Math.max(REST_WRITES_LEAST, rest.length * 2));
      rest.until = this.#writes + rest.length;
    } else {
      rest.length = 0;
    }
  }

  // All that is due should be compacted in the time in which one memtable fills.
  #compactionBudget(bytesWritten: number): number {
    const { context, versions } = this.#store;
    if (this.#pendingFor !== versions.current) {
      this.#pendingFor = versions.current;
      this.#pendingBytes = levelTargets(versions.current, context.options).pendingBytes;
    }
    const rate = Math.ceil(this.#pendingBytes / context.options.writeBufferSize) + 1;
    assert(rate > 0, "a compaction always moves");
    const budget = Math.min(COMPACTION_BYTES_MOST, Math.max(COMPACTION_BYTES_LEAST, rate * bytesWritten));
    const slow = versions.current.levelFiles(0) >= context.options.level0SlowdownWrites;
    return slow ? SLOWDOWN_FACTOR * budget : budget;
  }
}
