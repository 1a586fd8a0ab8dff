// The fault campaign: every call of Env that a run makes fails in every way it can, one at a time; the disk is full at
// every size; and the same for the calls of an open that recovers what a crash left.
//
// Units are taken in an order that spreads over the whole run, so a campaign that is stopped has seen a bit of everything.

import {
  isMine,
  TinyKVEngine,
  WHOLE,
  type CampaignHost,
  type CrashOp,
  type EngineMaker,
  type FaultOp,
  type Finding,
  type Op,
  type Shard,
} from "tinykv/harness";
import { CAPACITY } from "./call-name.ts";
import { CrashChecker } from "./crash-check.ts";
import { faultOp, faultsOf } from "./fault-plan.ts";
import { runFaultCase, runToCrash, type FaultRunResult } from "./fault-run.ts";
import { FAULTS_CONFIG, operationsOf } from "./op-source.ts";
import { runRecovery, type Crashed, type RecoveryResult } from "./recovery-run.ts";

/** Calls of the run; the sizes of a full disk; calls of opens behind crashes. */
export type FaultsPart = "calls" | "capacities" | "recoveries";

const PARTS: readonly FaultsPart[] = ["calls", "capacities", "recoveries"];

export interface FaultsOptions {
  readonly seed: string;
  /** So many, drawn by the seed, or these. */
  readonly ops: number | readonly Op[];
  /** Default FAULTS_CONFIG. */
  readonly config?: string;
  /** Default: all. */
  readonly parts?: readonly FaultsPart[];
  readonly shard?: Shard;
  /** Asked before each run: stop now? Then `exhausted` is false. */
  readonly until?: (done: number) => boolean;
  /** Findings after which it stops; default FINDINGS_MAX. */
  readonly findingsMax?: number;
}

export interface FaultsResult {
  /** Runs with a fault or a full disk. */
  readonly runs: number;
  /** Calls of the run in which nothing fails, those of recoveries included. */
  readonly calls: number;
  /** Runs whose fault came, by the name of the call ("write-log", "flush.manifest"). */
  readonly byCall: Readonly<Record<string, number>>;
  /** The same by outcome, error and how long ("part EIO once"). */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Runs by configuration. */
  readonly configs: Readonly<Record<string, number>>;
  /** Sizes of a full disk. */
  readonly capacities: number;
  /** Crash images opened. */
  readonly images: number;
  readonly findings: readonly Finding[];
  /** Every unit was run. */
  readonly exhausted: boolean;
}

/** A campaign that finds so much has found enough. */
const FINDINGS_MAX = 3;

/** Steps between the sizes of a full disk, beside those at which a write is cut. */
const CAPACITY_STEP = 256;
/** Of the sizes at which a call is the last to fit, so many are tried, spread over the run. */
const CUTS_MAX = 300;

/** What a recovery writes, at most: so much space may be free, or less. */
const RECOVERY_BYTES = 8 << 10;

/** Places in the run from which recoveries are made to fail. */
const RECOVERIES = 6;

interface Unit {
  readonly ops: readonly Op[];
  /** What fails, for the counters. */
  readonly call?: string;
  readonly outcome?: string;
  /** How it is run faster than from its log. */
  readonly run?: () => Promise<FaultRunResult>;
}

/** Makes a unit when its turn comes: a log for each of them at once would be many. */
type LazyUnit = () => Unit;

export async function runFaults(
  options: FaultsOptions,
  host: CampaignHost,
  makeEngine: EngineMaker = (env) => new TinyKVEngine({ env }),
): Promise<FaultsResult> {
  const { seed, ops, config = FAULTS_CONFIG, shard = WHOLE, parts = PARTS } = options;
  const { until = () => false, findingsMax = FINDINGS_MAX } = options;
  const campaign = new Campaign(seed, config, makeEngine);
  const log = typeof ops === "number" ? operationsOf(seed, ops, config) : ops;
  host.unit({ seed, config, ops: log });
  const planned: LazyUnit[] = [];
  for (const part of parts) planned.push(...(await campaign.plan(part, log)));
  const units = spread(planned);
  const mine = units.filter((_, n) => isMine(shard, n));
  let done = 0;
  for (const make of mine) {
    if (campaign.findings.length >= findingsMax || until(done)) break;
    const unit = make();
    host.unit({ seed, config, ops: unit.ops });
    await campaign.run(unit);
    host.progress(++done, mine.length);
  }
  return campaign.result(done, done === mine.length);
}

/** Runs the log of a finding again: what it shows now, if anything. */
export async function replayFaults(
  { seed, config, ops }: { readonly seed: string; readonly config: string; readonly ops: readonly Op[] },
  makeEngine: EngineMaker = (env) => new TinyKVEngine({ env }),
): Promise<Finding | undefined> {
  const campaign = new Campaign(seed, config, makeEngine);
  await campaign.run({ ops });
  return campaign.findings[0];
}

class Campaign {
  readonly findings: Finding[] = [];
  readonly #seed: string;
  readonly #config: string;
  readonly #makeEngine: EngineMaker;
  readonly #checker: CrashChecker;
  readonly #byCall: Record<string, number> = {};
  readonly #outcomes: Record<string, number> = {};
  #calls = 0;
  #capacities = 0;

  constructor(seed: string, config: string, makeEngine: EngineMaker) {
    this.#seed = seed;
    this.#config = config;
    this.#makeEngine = makeEngine;
    this.#checker = new CrashChecker(makeEngine, config);
  }

  result(runs: number, exhausted: boolean): FaultsResult {
    return {
      runs,
      calls: this.#calls,
      byCall: this.#byCall,
      outcomes: this.#outcomes,
      configs: { [this.#config]: runs },
      capacities: this.#capacities,
      images: this.#checker.opens,
      findings: this.findings,
      exhausted,
    };
  }

  async run(unit: Unit): Promise<void> {
    const { ops, call, outcome } = unit;
    const result = await (unit.run?.() ?? this.#runOnce({ ops }));
    if (unit.run) this.#note(result, ops);
    if (call === CAPACITY) {
      this.#capacities++;
      return;
    }
    if (result.faults === 0) return;
    if (call !== undefined) this.#byCall[call] = (this.#byCall[call] ?? 0) + 1;
    if (outcome !== undefined) this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
  }

  plan(part: FaultsPart, log: readonly Op[]): Promise<LazyUnit[]> {
    if (part === "calls") return this.#planCalls(log);
    return part === "capacities" ? this.#planCapacities(log) : this.#planRecoveries(log);
  }

  // Each call of a run in which nothing fails, in each way that it can fail.
  async #planCalls(log: readonly Op[]): Promise<LazyUnit[]> {
    const { calls } = await this.#runOnce({ ops: log, counting: true });
    this.#calls += calls.length;
    return calls.flatMap((call) =>
      faultsOf(call).map((kind) => (): Unit => {
        const fault = faultOp(call, kind, 0);
        const step = Math.max(0, call.step - 1);
        return { ops: [...log.slice(0, step), fault, ...log.slice(step)], ...namesFor(fault) };
      }),
    );
  }

  // A disk of every size, up to what the run needs.
  async #planCapacities(log: readonly Op[]): Promise<LazyUnit[]> {
    const { levels } = await this.#runOnce({ ops: [capacityOp(Number.MAX_SAFE_INTEGER), ...log] });
    const most = levels.reduce((greatest, level) => Math.max(greatest, level), 0);
    const cuts = [...new Set(levels)].sort((a, b) => a - b).map((level) => level - 1);
    const stride = Math.max(1, Math.ceil(cuts.length / CUTS_MAX));
    const sizes = new Set(cuts.filter((_, i) => i % stride === 0));
    for (let size = 0; size < most; size += CAPACITY_STEP) sizes.add(size);
    return [...sizes].sort((a, b) => a - b).map((size) => () => ({ ops: [capacityOp(size), ...log], call: CAPACITY }));
  }

  // The calls of opens behind crashes at a few places of the run.
  async #planRecoveries(log: readonly Op[]): Promise<LazyUnit[]> {
    const units: LazyUnit[] = [];
    for (let i = 1; i <= RECOVERIES; i++) {
      const at = Math.floor((log.length * i) / (RECOVERIES + 1));
      for (const crash of CRASHES) units.push(...(await this.#planRecovery(log.slice(0, at), { ...crash, id: 0 })));
    }
    return units;
  }

  // The way to the crash is gone once for all faults behind it, as long as what it left is remembered.
  async #planRecovery(before: readonly Op[], crash: CrashOp): Promise<LazyUnit[]> {
    const [config, makeEngine, checker] = [this.#config, this.#makeEngine, this.#checker];
    const log = [...before, crash];
    let crashed: Crashed | undefined;
    let known = checker.contents;
    const recover = async (faults: readonly FaultOp[], counting = false): Promise<RecoveryResult> => {
      checker.forget();
      if (known !== checker.contents) crashed = undefined;
      known = checker.contents;
      crashed ??= await runToCrash({ ops: log, config, makeEngine, checker });
      return runRecovery({ crash, crashed, faults, config, makeEngine, checker, counting });
    };
    const { calls } = await recover([], true);
    this.#calls += calls.length;
    const unitOf = (fault: FaultOp): LazyUnit => {
      const run = async (): Promise<FaultRunResult> => ({ ...(await recover([fault])), levels: [], phase: "recovery" });
      return (): Unit => ({ ops: [...log, fault], run, ...namesFor(fault) });
    };
    const failing = calls.flatMap((call) => faultsOf(call).map((kind) => unitOf(faultOp(call, kind, 0))));
    const full: LazyUnit[] = [];
    for (let free = 0; free <= RECOVERY_BYTES; free += CAPACITY_STEP) full.push(unitOf(capacityOp(free)));
    return [...failing, ...full];
  }

  async #runOnce(options: { ops: readonly Op[]; counting?: boolean }): Promise<FaultRunResult> {
    const [config, makeEngine, checker] = [this.#config, this.#makeEngine, this.#checker];
    const result = await runFaultCase({ ...options, config, makeEngine, checker });
    this.#note(result, options.ops);
    return result;
  }

  #note({ failure, phase }: FaultRunResult, ops: readonly Op[]): void {
    if (!failure) return;
    const { condition, message, keys, stack } = failure;
    const [seed, config] = [this.#seed, this.#config];
    const found = { condition, phase, message, seed, workload: "mixed", config, ops, keys };
    this.findings.push(stack === undefined ? found : { ...found, stack });
  }
}

function capacityOp(bytes: number): FaultOp {
  return { id: 0, kind: "fault", call: CAPACITY, nth: bytes, outcome: "part", error: "ENOSPC", lasting: true };
}

function namesFor({ call, outcome, error, lasting }: FaultOp): { call: string; outcome: string } {
  return { call, outcome: `${outcome} ${error} ${lasting ? "forever" : "once"}` };
}

const CRASHES: readonly Omit<CrashOp, "id">[] = [
  { kind: "crash", loss: "kill", survival: { kind: "all" } },
  { kind: "crash", loss: "power", survival: { kind: "none" } },
];

// A walk by a step near the golden section of the length visits all of a list, and early on every part of it.
function spread<T>(list: readonly T[]): T[] {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let step = Math.max(1, Math.round(list.length * 0.618));
  while (gcd(step, list.length) > 1) step++;
  return list.map((_, i) => list[(i * step) % list.length]!);
}
