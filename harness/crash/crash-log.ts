// Runs an op log that has crashes in it: each kills the store where its address says, the disk keeps what it says, and the
// next life opens what is left. The same log gives the same I/O, bit for bit, and the same finding.
//
// A crash stands behind the operation that it falls into; its address names that operation, or an earlier crash when it
// falls into the recovery from that one. The closing of the store at the end of a log has the id behind the last
// operation's. A crash whose address is never reached does not happen.

import { ContentStore, makeImage, type Image } from "../disk/image.ts";
import type { Choices } from "../disk/choice.ts";
import { HeldSyncs } from "../disk/held-syncs.ts";
import { ImageEnv } from "../disk/image-env.ts";
import { RecordingEnv } from "../disk/recording-env.ts";
import type { PendingItem } from "../disk/pending-item.ts";
import { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { Trace, TraceEvent } from "../disk/trace.ts";
import type { Engine } from "../engine.ts";
import { entriesOf } from "../engine-calls.ts";
import { type Failure, failureOf } from "../failure.ts";
import type { Finding } from "../finding.ts";
import type { CrashOp, Op } from "../op.ts";
import type { OpLog } from "../op-log.ts";
import type { Loss } from "../oracle.ts";
import { Random } from "../workloads/random.ts";
import { anySurvival } from "../disk/survivals.ts";
import { Runner } from "../runner.ts";
import { atOnce, runInTurns, type Turns } from "../turns.ts";
import { choicesOf, fillOf, rolesOf } from "./address.ts";
import { accountOf } from "./crash-account.ts";
import { OLD_BYTES } from "./crash-ops.ts";
import { searchOperation } from "./crash-search.ts";
import { checkpointFailure, closedFailure, windowOf } from "./crash-judge.ts";
import { type CrashScene, type CrashStory, type LifeStory, type RecoveredStory, sceneOf } from "./crash-story.ts";
import { imageConfiguration } from "./image-configuration.ts";
import { failed, structureProblem } from "./image-opener.ts";
import { missingBarrier } from "./missing-barrier.ts";
import { Life } from "./life.ts";
import { PlacingOracle } from "./placed-writes.ts";
import {
  closingOf,
  type Demands,
  EMPTY_DIRECTORIES,
  type EngineMaker,
  newDisk,
  OPENING,
  Recording,
  STORE,
  unlinkedReadsOf,
  watchPromises,
} from "./recorded-run.ts";
import { startImage } from "./start-image.ts";
import { tierTwo } from "./tier-two.ts";

export interface CrashLogOptions {
  readonly makeEngine: EngineMaker;
  /** Take no notice of where the crashes fall and what survives: try every crash of the operation that the first names. */
  readonly search?: boolean;
  /** Look for the one sync that would have helped; it takes a while. */
  readonly explain?: boolean;
}

export interface CrashLogResult {
  /** Its operations say exactly where. */
  readonly finding: Finding | undefined;
  readonly story: CrashStory;
  /** The same in lines of plain text. */
  readonly account: readonly string[];
  /** What the last crash left. */
  readonly image: Image | undefined;
  /** Of all lives, one behind the other. */
  readonly trace: Trace;
}

export async function runCrashLog(
  log: OpLog,
  { makeEngine, search = false, explain = false }: CrashLogOptions,
): Promise<CrashLogResult> {
  // The crash that a search finds is run for its own sake: it must fail by itself.
  const ops = search ? await searchOperation(log, makeEngine) : log.ops;
  if (!ops) return { finding: undefined, story: { lives: [] }, account: [], image: undefined, trace: [] };
  const run = new CrashLogRun({ ...log, ops }, makeEngine);
  const missed = await runInTurns(run.run());
  if (missed) return runCrashLog({ ...log, ops: ops.filter((op) => op !== missed) }, { makeEngine, explain });
  const barrier = explain && run.hasFailed ? await missingBarrier({ ...log, ops }, makeEngine) : undefined;
  return run.result(barrier);
}

/** A part of a log that one process lives through. */
interface Part {
  /** The crash before it; its recovery is the beginning of this life. */
  readonly behind: CrashOp | undefined;
  readonly ops: readonly Op[];
  /** The crash that ends it. */
  readonly crash: CrashOp | undefined;
}

/** What stops a run: what was broken, and in which phase. */
class Broken extends Error {
  readonly failure: Failure;
  readonly phase: string;

  constructor(failure: Failure, phase: string) {
    super(failure.message);
    this.failure = failure;
    this.phase = phase;
  }
}

class CrashLogRun {
  readonly #log: OpLog;
  readonly #makeEngine: EngineMaker;
  readonly #imageConfig: string;
  readonly #closing: number;
  readonly #contents = new ContentStore();
  readonly #stories: LifeStory[] = [];
  readonly #trace: TraceEvent[] = [];
  readonly #oracle: PlacingOracle;
  readonly #disk: { now: SimulatedDisk };
  readonly #start: Image | undefined;
  #image: Image | undefined;
  #broken: Broken | undefined;
  #recovered: RecoveredStory | undefined;
  #lives = 0;
  #time = 0;
  /** What a crash demanded whose recovery has not returned yet. */
  #open: { readonly demands: Demands; readonly loss: Loss } | undefined;

  constructor(log: OpLog, makeEngine: EngineMaker) {
    this.#log = log;
    this.#makeEngine = makeEngine;
    this.#imageConfig = imageConfiguration(log.header.config, log.ops);
    this.#closing = closingOf(log.ops.filter(({ kind }) => kind !== "crash"));
    this.#oracle = new PlacingOracle(makeEngine(newDisk(undefined, 1)).durability);
    this.#start = startImage(log.header.config);
    this.#disk = { now: new SimulatedDisk(this.#start ?? makeImage([], EMPTY_DIRECTORIES), this.#contents) };
  }

  /** Gives a crash whose address was never reached; a run without it says more. */
  *run(): Turns<CrashOp | undefined> {
    try {
      for (const part of partsOf(this.#log.ops)) {
        const died = yield* this.#live(part);
        if (!died && part.crash) return part.crash;
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      this.#broken = error;
    }
    return undefined;
  }

  get hasFailed(): boolean {
    return this.#broken !== undefined;
  }

  result(barrier: CrashStory["barrier"]): CrashLogResult {
    const finding = this.#finding();
    const story = {
      lives: this.#stories,
      ...(finding && { failure: failureOnly(finding) }),
      ...(barrier && { barrier }),
    };
    const trace = this.#trace;
    return { finding, story, account: accountOf(story, this.#log, trace), image: this.#image, trace };
  }

  #finding(): Finding | undefined {
    if (!this.#broken) return undefined;
    const { failure, phase } = this.#broken;
    const { condition, message, keys, cause } = failure;
    const { seed, workload, config } = this.#log.header;
    const stack = cause instanceof Error ? cause.stack : undefined;
    const { ops } = this.#log;
    return { condition, phase, message, seed, workload, config, ops, keys, ...(stack !== undefined && { stack }) };
  }

  // True if the crash came.
  *#live(part: Part): Turns<boolean> {
    const recording = new Recording(this.#oracle);
    const life = new Life(this.#disk.now, recording, this.#time, part.crash);
    const syncs = new HeldSyncs(newDisk(this.#image ?? this.#start, ++this.#lives));
    const env = new RecordingEnv(syncs, life);
    const engine = watchPromises(this.#makeEngine(env), recording, syncs);
    const from = this.#trace.length;
    try {
      yield* this.#run(part, { env, engine, life, syncs });
    } catch (error) {
      // What engine and runner make of a machine that is gone is of no interest.
      if (!life.isOver) throw error;
    } finally {
      this.#trace.push(...recording.trace);
      this.#time = life.time;
      this.#tell(from);
    }
    const unlinked = unlinkedReadsOf(this.#disk.now);
    if (unlinked) throw new Broken(unlinked, "running");
    if (life.isOver) this.#crash(part.crash!, recording);
    return life.isOver;
  }

  #tell(from: number): void {
    this.#stories.push({ from, to: this.#trace.length, ...(this.#recovered && { recovered: this.#recovered }) });
    this.#recovered = undefined;
  }

  #tellCrash(crash: CrashScene): void {
    this.#stories.push({ ...this.#stories.pop()!, crash });
  }

  *#run({ behind, ops, crash }: Part, { env, engine, life, syncs }: LifeOnDisk): Turns<void> {
    const attempt = function* <T>(phase: string, run: Turns<T>): Turns<T> {
      try {
        return yield* run;
      } catch (error) {
        if (life.isOver || error instanceof Broken) throw error;
        throw new Broken(failed(phase === "open" ? "C1" : "C8", `${phase} threw`, error), phase);
      }
    };
    const observer = {
      begin: ({ id }: Op) => env.mark({ mark: "begin", op: id }),
      end: ({ id }: Op) => env.mark({ mark: "end", op: id, acknowledged: true }),
    };
    const opening = { id: behind?.id ?? OPENING } as Op;
    const config = behind ? this.#imageConfig : this.#log.header.config;
    observer.begin(opening);
    const isOver = (): boolean => life.isOver;
    const options = { engine, directory: STORE, config, observer, syncs, isOver };
    const runner = yield* attempt(
      "open",
      atOnce(() => new Runner(options, this.#oracle)),
    );
    if (behind)
      yield* attempt(
        "scan",
        atOnce(() => this.#judge(runner, behind)),
      );
    observer.end(opening);
    if (behind && ops.length === 0 && !crash) return this.#examine();
    for (const op of ops) yield* attempt("running", runner.run(op));
    yield* attempt("running", runner.turn());
    if (crash && !crash.at) return life.end();
    if (crash && crash.at?.op !== this.#closing) return undefined;
    observer.begin({ id: this.#closing } as Op);
    yield* attempt("running", runner.close());
    observer.end({ id: this.#closing } as Op);
    return undefined;
  }

  // What a recovery serves is what the crash before it allowed; from then on it is durable.
  #judge({ store }: Runner, behind: CrashOp): void {
    const { demands, loss } = this.#open!;
    const disk = new ImageEnv(this.#disk.now.imageKill());
    const problem = structureProblem(store, disk, this.#contents);
    if (problem) throw new Broken(problem, "scan");
    const verdict = this.#oracle.judge(windowOf(demands, loss), entriesOf(store));
    if (!verdict.ok) {
      const { violation } = verdict;
      this.#recovered = { states: violation.equal, nearest: violation.nearest };
      const served = behind.at?.call === "return" && this.#lives > 2 && this.#isCrash(behind.at.op);
      const failure = failureOf(served ? { ...violation, condition: "C9" } : violation);
      throw new Broken(failure, "scan");
    }
    this.#recovered = { states: verdict.states };
    this.#oracle.adopt(verdict, "open");
    this.#open = undefined;
  }

  #isCrash(id: number): boolean {
    return this.#log.ops.some((op) => op.id === id && op.kind === "crash");
  }

  #crash(crash: CrashOp, recording: Recording): void {
    const demands = this.#open?.demands ?? recording.now();
    const disk = this.#disk.now;
    const oldBytes = crash.survival.kind === "lose" && crash.survival.items.includes(OLD_BYTES);
    const loss: Loss = crash.loss === "power" ? "power" : oldBytes ? "killOldBytes" : "kill";
    const isPower = loss === "power" || this.#open?.loss === "power";
    this.#open = { demands, loss: isPower ? "power" : loss };
    const items = disk.pending();
    const roles = rolesOf(items, STORE);
    const choices = crash.loss === "kill" ? undefined : choicesAt(crash, items, roles);
    this.#image = choices ? disk.image(items, choices, fillOf(crash.survival)) : disk.imageKill(oldBytes);
    const window = windowOf(demands, this.#open.loss);
    const writes = this.#oracle.placedWrites();
    const met = { op: crash.id, loss, window, writes, disk, items, roles, image: this.#image };
    this.#tellCrash(sceneOf({ ...met, ...(choices && { choices }) }));
    if (choices) this.#disk.now = new SimulatedDisk(this.#image, this.#contents);
    else disk.kill(oldBytes);
    const options = { makeEngine: this.#makeEngine, config: this.#imageConfig, contents: this.#contents };
    const failure = checkpointFailure(this.#image, demands, this.#oracle, options);
    if (failure) throw new Broken(failure, "checkpoint");
    if (demands.closed && crash.loss === "power" && this.#lives === 1) {
      const unclean = closedFailure(this.#image, options, { seed: this.#lives + 1 });
      if (unclean) throw new Broken(unclean, "closed");
    }
  }

  // The last crash of a log without anything behind it: everything is asked of what it left.
  #examine(): void {
    const options = { makeEngine: this.#makeEngine, config: this.#imageConfig, contents: this.#contents };
    const found = tierTwo(this.#image!, options, { seed: this.#lives, entries: this.#oracle.model.scan() });
    if (found) throw new Broken(found.failure, found.phase);
  }
}

interface LifeOnDisk {
  readonly env: RecordingEnv;
  readonly syncs: HeldSyncs;
  readonly engine: Engine;
  readonly life: Life;
}

function failureOnly({ condition, phase, message, keys }: Finding): NonNullable<CrashStory["failure"]> {
  return { condition, phase, message, keys };
}

function choicesAt({ survival }: CrashOp, items: readonly PendingItem[], roles: readonly string[]): Choices {
  if (survival.kind === "seed") return anySurvival(items, new Random(`${survival.seed}`));
  return choicesOf(roles, items, survival);
}

function partsOf(ops: readonly Op[]): Part[] {
  const parts: Part[] = [];
  let behind: CrashOp | undefined;
  let some: Op[] = [];
  for (const op of ops) {
    if (op.kind !== "crash") some.push(op);
    else {
      parts.push({ behind, ops: some, crash: op });
      behind = op;
      some = [];
    }
  }
  return [...parts, { behind, ops: some, crash: undefined }];
}
