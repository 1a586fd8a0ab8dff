// Seeded makers of op logs. A workload, a seed and a number give the same operations for ever, on every platform: a
// committed file of hashes (hashes.json) holds that, and old seeds stay worth something. What a run draws it draws from
// streams of its own (keys, lengths, operations), so a change in one does not shift the others.

import { createHash } from "node:crypto";
import type { Configuration } from "../configurations.ts";
import type { Op } from "../op.ts";
import { printHeader } from "../op-log.ts";
import { printOp } from "../op-line.ts";
import { KeySource } from "./key-source.ts";
import { boundaryKeyLengths, type Edges, LengthSource, type ValueProfile } from "./length-source.ts";
import { MAINTENANCE, type Mix, MIXES, type Step, type WorkloadName } from "./mixes.ts";
import { OpMaker } from "./op-maker.ts";
import { Random, Weighted } from "./random.ts";

export interface WorkloadOptions {
  readonly workload: WorkloadName;
  readonly seed: string;
  /** How many operations. */
  readonly ops: number;
  /** How many different keys at most; drawn when absent. */
  readonly keys?: number;
  /** How long values are; the workload's own when absent. */
  readonly values?: ValueProfile;
  /** The most changes in an ordinary batch, and in the rare big one; the workload's own when absent. */
  readonly batch?: readonly [usual: number, seldom: number];
  /** The part of writes with `sync`, from 0 to 1; drawn when absent. */
  readonly syncRatio?: number;
  /** What the store is opened with: half of the reopens keep it, and "boundary" is about its blocks. */
  readonly config?: Configuration;
  /** The id of the first operation, 1 when absent; behind a crash: one more than the last id issued. */
  readonly firstId?: number;
  /** How often the store has crashed before, 0 when absent. */
  readonly incarnation?: number;
}

/**
 * Operations between two of maintenance (flush, reopen, checkpoint …), which cost as much as the store is large: rare in
 * long runs, and yet a few in short ones.
 */
const MAINTENANCE_PERIOD_MIN = 2_000;
const MAINTENANCE_PERIOD_MAX = 20_000;
const MAINTENANCE_COUNT_MIN = 5;

/** Of a run that does not say: all with sync, none, half, one in sixteen (in 1,024). */
const SYNCS = [1024, 0, 512, 512, 64] as const;

const EDGES_DEFAULT: Edges = { blockSize: 4 << 10, logBlockSize: 32 << 10 };

/** The operations of a run, made as they are asked for. */
export function* generate(options: WorkloadOptions): Generator<Op> {
  const mix = MIXES[options.workload];
  const stream = (name: string): Random => new Random(`${options.workload}:${options.seed}:${name}`);
  const draw = stream("run");
  const keys = Math.min(mix.keysMax, options.keys ?? drawKeys(draw, options.ops));
  const steps = new Weighted(drawWeights(mix, draw));
  const period = drawPeriod(draw, options.ops);
  const maker = makeMaker({ options, mix, draw, stream, keys });
  const choose = stream("steps");
  const maintenance = new Weighted(Object.entries(MAINTENANCE) as [Step, number][]);
  let loads = mix.loads ? Math.min(keys, Math.floor(options.ops / 4)) : 0;
  let untilMaintenance = choose.between(1, period);
  let untilResume = 0;
  for (let made = 0; made < options.ops;) {
    let step: Step;
    if (loads > 0) {
      loads--;
      step = "insert";
    } else if (untilResume > 0 && --untilResume === 0) {
      step = "resume";
    } else if (--untilMaintenance === 0) {
      step = maintenance.draw(choose);
      untilMaintenance = choose.between(1, 2 * period - 1);
      if (step === "fault") untilResume = choose.between(1, 16);
    } else {
      step = steps.draw(choose);
    }
    for (const op of maker.make(step)) if (made++ < options.ops) yield op;
  }
}

/** The SHA-256 of the op log of a run, as hashes.json holds it. */
export function hashOfRun(workload: WorkloadName, seed: string, ops: number): string {
  const hash = createHash("sha256");
  hash.update(`${printHeader({ seed, workload, config: "default", engine: "", versions: "" })}\n`);
  for (const op of generate({ workload, seed, ops })) hash.update(`${printOp(op)}\n`);
  return hash.digest("hex");
}

interface Run {
  readonly options: WorkloadOptions;
  readonly mix: Mix;
  readonly draw: Random;
  readonly stream: (name: string) => Random;
  readonly keys: number;
}

function makeMaker({ options, mix, draw, stream, keys }: Run): OpMaker {
  const edges: Edges = {
    blockSize: options.config?.options.blockSize ?? EDGES_DEFAULT.blockSize,
    logBlockSize: options.config?.options.logBlockSize ?? EDGES_DEFAULT.logBlockSize,
  };
  const style = draw.pick(mix.styles);
  const distribution = draw.pick(mix.distributions);
  const values = draw.pick(mix.values);
  const syncs = draw.pick(SYNCS);
  const config = options.config?.name ?? "default";
  return new OpMaker({
    random: stream("ops"),
    keys: new KeySource({ keys, style, distribution, lengths: boundaryKeyLengths(edges) }, stream("keys")),
    lengths: new LengthSource(options.values ?? values, edges, stream("lengths")),
    syncs: options.syncRatio === undefined ? syncs : Math.round(options.syncRatio * 1024),
    batch: options.batch ?? mix.batch,
    span: mix.span,
    invertedEvery: mix.invertedEvery,
    configs: [...mix.reopens, ...mix.reopens.map(() => config)],
    firstId: options.firstId ?? 1,
    incarnation: options.incarnation ?? 0,
  });
}

// From a handful of hot keys to more than the operations can touch twice.
function drawKeys(draw: Random, ops: number): number {
  const most = Math.max(8, Math.min(ops, 100_000));
  return Math.max(8, Math.floor(most / draw.pick([1, 4, 16, 64])));
}

function drawWeights(mix: Mix, draw: Random): Map<Step, number> {
  const weights = new Map<Step, number>();
  for (const [step, weight] of Object.entries(mix.sometimes) as [Step, number][]) {
    weights.set(step, weight * draw.pick([0, 0, 1, 1, 2, 4]));
  }
  const swarmed = weights.size > 0;
  for (const [step, weight] of Object.entries(mix.always) as [Step, number][]) {
    weights.set(step, Math.max(weights.get(step) ?? 0, weight * (swarmed ? draw.pick([1, 1, 2]) : 1)));
  }
  return weights;
}

function drawPeriod(draw: Random, ops: number): number {
  const long = draw.between(MAINTENANCE_PERIOD_MIN, MAINTENANCE_PERIOD_MAX);
  const short = Math.max(1, Math.floor(ops / draw.between(MAINTENANCE_COUNT_MIN, 3 * MAINTENANCE_COUNT_MIN)));
  return Math.min(long, short);
}
