// A run of an op log on a recorded disk: the trace, and at each event of it what the oracle then demanded of a crash.
// Nothing crashes here; whoever wants to know what a crash would have left asks the trace.

import type { Env } from "tinykv/env";
import { HeldSyncs } from "../disk/held-syncs.ts";
import { ImageEnv } from "../disk/image-env.ts";
import { ContentStore, type Image, makeImage } from "../disk/image.ts";
import { RecordingEnv, type Interceptor } from "../disk/recording-env.ts";
import { SimulatedDisk } from "../disk/simulated-disk.ts";
import { changesDisk, type TraceEvent } from "../disk/trace.ts";
import type { Engine } from "../engine.ts";
import { Failure } from "../failure.ts";
import type { Model } from "../model.ts";
import type { Op } from "../op.ts";
import { type Loss, Oracle, type Window } from "../oracle.ts";
import { Runner } from "../runner.ts";
import { runInTurns, type Turns } from "../turns.ts";
import { EMPTY_DIRECTORIES, STORE } from "./places.ts";
import { startImage } from "./start-image.ts";

export { EMPTY_DIRECTORIES, STORE } from "./places.ts";

/** Makes the engine under test on an Env. */
export type EngineMaker = (env: Env) => Engine;

/** The operation that stands for opening the store at the start of a run. */
export const OPENING = 0;

/** What a crash may leave while this holds. */
export interface Demands {
  readonly power: Window;
  readonly kill: Window;
  /** A kill behind a failed fsync, on a system that reads the old bytes back. */
  readonly killOldBytes: Window;
  /** close() has returned and no open has begun since. */
  readonly closed: boolean;
  /** Checkpoints that have returned: what each holds from then on. */
  readonly checkpoints: readonly CheckpointPromise[];
}

export interface CheckpointPromise {
  readonly directory: string;
  readonly window: Window;
  /** Nobody has changed it since: it is as a clean close leaves a store. */
  readonly untouched: boolean;
}

export interface RecordedRun {
  readonly ops: readonly Op[];
  readonly config: string;
  readonly start: Image | undefined;
  readonly trace: readonly TraceEvent[];
  /** demands[i + 1]: just behind event i, before an operation that it ends has returned; demands[0]: before all. */
  readonly demands: readonly Demands[];
  readonly oracle: Oracle;
  /** The run itself broke a condition, without any crash. */
  readonly failure: Failure | undefined;
}

export interface RecordedRunOptions {
  readonly makeEngine: EngineMaker;
  readonly ops: readonly Op[];
  readonly config: string;
  /** What the disk holds; absent: what the configuration says (start-image.ts). */
  readonly start?: Image;
  /** Of the disk's chance. */
  readonly seed?: number;
  /** Goes on from an earlier life of the store. */
  readonly oracle?: Oracle;
  readonly close?: boolean;
  /** In place of a simulated disk, and of `start` and `seed`. */
  readonly world?: World;
}

/** Where a run takes place. */
export interface World {
  readonly disk: Env;
  /** An Env that records the calls that go to `below`. */
  record(below: Env, recording: Recording): RecordingEnv;
  /** The whole trace: with what others did meanwhile. */
  merge(recording: Recording): Pick<RecordedRun, "trace" | "demands">;
}

/** Runs the operations, then closes the store unless `close` is false. */
export function recordRun(options: RecordedRunOptions): Promise<RecordedRun> {
  return runInTurns(recording(options));
}

function* recording(options: RecordedRunOptions): Turns<RecordedRun> {
  const { ops, config } = options;
  const start = options.start ?? (options.world ? undefined : startImage(config));
  const world = options.world ?? simulated(start, options.seed ?? 1);
  const oracle = options.oracle ?? new KeepingOracle(options.makeEngine(world.disk).durability);
  const recorded = new Recording(oracle);
  const syncs = new HeldSyncs(world.disk);
  const env = world.record(syncs, recorded);
  const engine = options.makeEngine(env);
  let current = OPENING;
  const begin = (op: number): void => env.mark({ mark: "begin", op: (current = op) });
  const end = (op: number): void => env.mark({ mark: "end", op, acknowledged: true });
  let failure: Failure | undefined;
  try {
    begin(OPENING);
    const observer = { begin: (op: Op) => begin(op.id), end: (op: Op) => end(op.id) };
    const watched = watchPromises(engine, recorded, syncs);
    const runner = new Runner({ engine: watched, directory: STORE, config, observer, syncs }, oracle);
    end(OPENING);
    for (const op of ops) yield* runner.run(op);
    yield* runner.turn();
    if (options.close !== false) {
      const closing = closingOf(ops);
      begin(closing);
      yield* runner.close();
      end(closing);
    }
  } catch (error) {
    failure = error instanceof Failure ? error : new Failure("C8", `threw ${String(error)}`, current, { cause: error });
  }
  const { trace, demands } = world.merge(recorded);
  failure ??= unlinkedReads(start, trace);
  return { ops, config, start, trace, demands, oracle, failure };
}

function simulated(start: Image | undefined, seed: number): World {
  return {
    disk: newDisk(start, seed),
    record: (below, recording) => new RecordingEnv(below, recording),
    merge: (recording) => recording,
  };
}

// A file that somebody still reads kept its bytes only because it was open: after a restart, or where the engine had closed
// it meanwhile, the version that needs it would be broken.
function unlinkedReads(start: Image | undefined, trace: readonly TraceEvent[]): Failure | undefined {
  const disk = new SimulatedDisk(start ?? makeImage([], EMPTY_DIRECTORIES), new ContentStore());
  trace.forEach((event, i) => disk.apply(event, i + 1));
  return unlinkedReadsOf(disk);
}

export function unlinkedReadsOf({ readAfterUnlink }: SimulatedDisk): Failure | undefined {
  const [path] = readAfterUnlink;
  return path === undefined ? undefined : new Failure("C24", `${path} was read after it had been unlinked`);
}

/** The operation that stands for closing the store at the end of a run. */
export function closingOf(ops: readonly Op[]): number {
  return ops.reduce((most, { id }) => Math.max(most, id), OPENING) + 1;
}

/** A disk that is mounted: chance and clock depend on the seed alone. */
export function newDisk(start: Image | undefined, seed: number): ImageEnv {
  const disk = new ImageEnv(start, { seed });
  if (!start) for (const directory of EMPTY_DIRECTORIES) if (directory !== "/") disk.makeDirectory(directory);
  return disk;
}

/** For images that are judged when the run is over: every state must still be known. */
export class KeepingOracle extends Oracle {
  override forget(): void {
    // Nothing is forgotten.
  }

  // A window of before a write was taken out says what might have been left then.
  override window(loss: Loss): Window {
    return { ...super.window(loss), history: this.model };
  }

  override checkpointWindow(): Window {
    return { ...super.checkpointWindow(), history: this.model };
  }

  protected override rolledBack(p: number): Model {
    const model = this.model.clone();
    model.rollBack(p);
    return model;
  }
}

/** Keeps the trace of a run, and after each event what was demanded then. */
export class Recording implements Interceptor {
  readonly trace: TraceEvent[] = [];
  readonly demands: Demands[] = [];
  checkpoints: readonly CheckpointPromise[] = [];
  closed = false;
  readonly oracle: Oracle;

  constructor(oracle: Oracle) {
    this.oracle = oracle;
    this.demands.push(this.now());
  }

  after(event: TraceEvent): void {
    this.trace.push(event);
    if (changesDisk(event) && "path" in event) this.#touched(event.path);
    this.demands.push(this.now());
  }

  #touched(path: string): void {
    const isTouched = ({ directory, untouched }: CheckpointPromise): boolean =>
      untouched && path.startsWith(`${directory}/`);
    if (!this.checkpoints.some(isTouched)) return;
    this.checkpoints = this.checkpoints.map((promise) =>
      isTouched(promise) ? { ...promise, untouched: false } : promise,
    );
  }

  // The same object as long as nothing changed.
  now(): Demands {
    const last = this.demands.at(-1);
    const { oracle, checkpoints, closed } = this;
    const power = oracle.window("power");
    const kill = oracle.window("kill");
    const killOldBytes = oracle.window("killOldBytes");
    const unchanged =
      last?.checkpoints === checkpoints &&
      last.closed === closed &&
      sameWindow(last.power, power) &&
      sameWindow(last.kill, kill) &&
      sameWindow(last.killOldBytes, killOldBytes);
    return unchanged ? last : { power, kill, killOldBytes, closed, checkpoints };
  }
}

function sameWindow(a: Window, b: Window): boolean {
  const sameTail = a.tail.length === b.tail.length && a.tail.every((write, i) => write.op === b.tail[i]!.op);
  return a.least === b.least && a.most === b.most && a.history === b.history && sameTail;
}

/**
 * The engine, telling the recording of what is promised: closed stores, unless a sync of theirs had failed, and checkpoints
 * until somebody destroys them.
 */
export function watchPromises(engine: Engine, recording: Recording, syncs: HeldSyncs): Engine {
  return {
    name: engine.name,
    capabilities: engine.capabilities,
    durability: engine.durability,
    open(directory, config, mode) {
      const isStore = directory === STORE && mode?.readOnly !== true;
      if (isStore) recording.closed = false;
      const store = engine.open(directory, config, mode);
      const close = store.close.bind(store);
      store.close = () => {
        const isWell = !syncs.mustStop;
        close();
        if (isStore && isWell) recording.closed = true;
      };
      const checkpoint = store.checkpoint.bind(store);
      store.checkpoint = (target) => {
        const window = recording.oracle.checkpointWindow();
        checkpoint(target);
        recording.checkpoints = [...recording.checkpoints, { directory: target, window, untouched: true }];
      };
      return store;
    },
    destroy(directory) {
      recording.checkpoints = recording.checkpoints.filter((promise) => promise.directory !== directory);
      engine.destroy(directory);
    },
  };
}
