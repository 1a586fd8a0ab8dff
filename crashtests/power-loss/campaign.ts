// Simulated power loss: op logs are run once on a recorded disk, and every crash of them is tried on the simulated one.
//
//   exhaustive   one short log, every crash point, every combination that survivals.ts lists
//   sampled      one long log, crash points and survivals drawn from the seed, so many images
//   tour         logs that show every part of the formats (tour.ts), so many images of each
//   sequences    every sequence over a small alphabet (sequences.ts), each exhaustively

import { createHash } from "node:crypto";
import {
  type CampaignHost,
  ContentStore,
  type Coverage,
  CoverageCounter,
  CrashJudge,
  type CrashFound,
  type EngineMaker,
  Enumeration,
  Examined,
  type Failure,
  type Finding,
  generate,
  imageConfiguration,
  isWrite,
  ImageGraph,
  isMine,
  type Op,
  type OpenerOptions,
  opsWithCrashes,
  parseConfiguration,
  recordRun,
  type RecordedRun,
  type Shard,
  TinyKVEngine,
  traceHash,
  WHOLE,
  type WorkloadName,
  type WorkloadOptions,
  SAMPLES,
} from "tinykv/harness";
import { SampledEnumeration } from "./sampled.ts";
import { type Sequence, SEQUENCE_CONFIGS, sequences } from "./sequences.ts";
import { TOUR, TOUR_IMAGES, TOUR_SEED } from "./tour.ts";

export interface PowerLossCounters {
  /** Tier-1 opens. */
  readonly images: number;
  readonly deduplicated: number;
  readonly tier2: number;
  /** Of `images`: left by a crash inside a recovery. */
  readonly second: number;
  /** Crash points at which combinations were left out. */
  readonly capped: number;
  readonly points: number;
  readonly exhausted: boolean;
  /** Runs by configuration. */
  readonly configs: Readonly<Record<string, number>>;
  /** Of all runs' traces: the same seed gives the same. */
  readonly traceHash: string;
}

export interface PowerLossResult {
  readonly counters: PowerLossCounters;
  readonly ops: number;
  readonly findings: readonly Finding[];
  readonly coverage: Coverage;
}

export interface PowerLossCommon {
  readonly seed: string;
  readonly configs?: readonly string[];
  readonly shard?: Shard;
  /** Crashes in recovery, so many times over, or until no new image appears. Default 1. */
  readonly recovery?: number | "closed";
  /** Asked between crash points: stop. */
  readonly until?: () => boolean;
  /** Runs with findings, at most: behind that many the campaign stops. Default 1. */
  readonly findingsMost?: number;
}

/** What an exhaustive campaign runs under unless told: jobs at once, and jobs a step at a time. */
const EXHAUSTIVE_CONFIGS = SEQUENCE_CONFIGS;
/** Long logs want stores of some size. */
const SAMPLED_CONFIGS = ["small"];
/** Different keys in an exhaustive log: few, so that its operations meet. */
const EXHAUSTIVE_KEYS = 6;
/** One operation in so many must write, if a few seeds can be drawn that do: read-only workloads exist. */
const WRITES_PART = 2;
const SEEDS_DRAWN_MAX = 20;
/** The part of its writes with sync: what is durable at once leaves little to lose, what never is leaves nothing to keep. */
const EXHAUSTIVE_SYNCS = 0.25;
/** In a sampled one: a store that holds little is opened and asked everything many times a second. */
const SAMPLED_KEYS = 60;

const tinykv: EngineMaker = (env) => new TinyKVEngine({ env });

export interface GeneratedOptions extends PowerLossCommon {
  readonly ops: number;
  readonly workload: WorkloadName;
}

/** Every crash of one generated log, under each configuration. */
export async function runExhaustive(
  options: GeneratedOptions,
  host: CampaignHost,
  makeEngine: EngineMaker = tinykv,
): Promise<PowerLossResult> {
  const { seed, ops: count, workload, configs = EXHAUSTIVE_CONFIGS } = options;
  const campaign = new Campaign(options, workload, host, makeEngine);
  for (const [i, name] of configs.entries()) {
    if (!campaign.isMine(i) || campaign.isOver) continue;
    const config = parseConfiguration(name);
    const ops = generated({ workload, seed, ops: count, keys: EXHAUSTIVE_KEYS, syncRatio: EXHAUSTIVE_SYNCS, config });
    await campaign.exhaust(ops, name);
  }
  return campaign.result();
}

/** So many images of the crashes of one generated log, under each configuration in turn. */
export async function runSampled(
  options: GeneratedOptions & { readonly images: number },
  host: CampaignHost,
  makeEngine: EngineMaker = tinykv,
): Promise<PowerLossResult> {
  const { seed, ops: count, workload, images, configs = SAMPLED_CONFIGS } = options;
  const campaign = new Campaign(options, workload, host, makeEngine);
  for (const [i, name] of configs.entries()) {
    if (campaign.isOver) break;
    const ops = generated({ workload, seed, ops: count, keys: SAMPLED_KEYS, config: parseConfiguration(name) });
    const share = Math.floor(images / configs.length) + (i < images % configs.length ? 1 : 0);
    await campaign.sample(ops, name, share);
  }
  return campaign.result();
}

/** Crash images of logs that show every part of the formats; of a shard some of the logs, so that no division changes them. */
export async function runTour(
  options: Omit<PowerLossCommon, "seed" | "configs" | "recovery">,
  host: CampaignHost,
  makeEngine: EngineMaker = tinykv,
): Promise<PowerLossResult> {
  const { shard = WHOLE, ...rest } = options;
  const campaign = new Campaign({ ...rest, seed: TOUR_SEED }, "tour", host, makeEngine);
  for (const [i, { config, ops }] of TOUR.entries()) {
    if (isMine(shard, i) && !campaign.isOver) await campaign.sample(ops, config, TOUR_IMAGES);
  }
  return campaign.result();
}

/** Every sequence of up to `length` letters, each exhaustively, jobs inline and by hand. */
export async function runSequences(
  options: PowerLossCommon & { readonly length: number },
  host: CampaignHost,
  makeEngine: EngineMaker = tinykv,
): Promise<PowerLossResult> {
  const campaign = new Campaign(options, "sequences", host, makeEngine);
  const { configs = SEQUENCE_CONFIGS, length } = options;
  // Configurations in step: what any of them shows comes early.
  const all = configs.map((config) => sequences(length, config));
  for (let n = 0; !campaign.isOver; n++) {
    const next = all.map((one) => one.next());
    if (next.some(({ done }) => done)) break;
    if (!campaign.isMine(n)) continue;
    for (const [i, { value }] of next.entries()) {
      if (!campaign.isOver) await campaign.exhaust((value as Sequence).ops, configs[i]!);
    }
  }
  return campaign.result();
}

// So many operations; crashes and faults are the campaign's to choose. A seed may switch all writes off, and a log without
// any shows nothing: then the next seed of its own is drawn.
function generated(options: WorkloadOptions): readonly Op[] {
  for (let drawn = 0; ; drawn++) {
    const seed = drawn === 0 ? options.seed : `${options.seed}:${drawn}`;
    const ops: Op[] = [];
    for (const op of generate({ ...options, seed, ops: options.ops * 2 })) {
      if (op.kind === "crash" || op.kind === "fault") continue;
      ops.push(op);
      if (ops.length === options.ops) break;
    }
    const writes = ops.filter((op) => isWrite(op) && op.kind !== "deleteRange").length;
    if (writes * WRITES_PART >= ops.length || drawn === SEEDS_DRAWN_MAX) return ops;
  }
}

/** Every crash of one log. */
export async function runOne(
  log: Pick<PowerLossCommon, "seed" | "recovery"> & { readonly config: string; readonly ops: readonly Op[] },
  host: CampaignHost,
  makeEngine: EngineMaker = tinykv,
): Promise<{ readonly finding: Finding | undefined; readonly images: number; readonly coverage: Coverage }> {
  const campaign = new Campaign(log, "sequences", host, makeEngine);
  await campaign.exhaust(log.ops, log.config);
  const { counters, findings, coverage } = campaign.result();
  return { finding: findings[0], images: counters.images, coverage };
}

/** The images of one configuration, and what was made of them. */
interface Scene {
  readonly graph: ImageGraph;
  readonly examined: Examined;
  readonly options: OpenerOptions;
}

class Campaign {
  readonly #options: PowerLossCommon;
  readonly #workload: string;
  readonly #host: CampaignHost;
  readonly #makeEngine: EngineMaker;
  readonly #contents = new ContentStore();
  readonly #scenes = new Map<string, Scene>();
  readonly #findings: Finding[] = [];
  readonly #configs: Record<string, number> = {};
  readonly #hashes: string[] = [];
  readonly #coverage = new CoverageCounter();
  #points = 0;
  #ops = 0;
  #exhausted = true;

  constructor(options: PowerLossCommon, workload: string, host: CampaignHost, makeEngine: EngineMaker) {
    this.#options = options;
    this.#workload = workload;
    this.#host = host;
    this.#makeEngine = makeEngine;
  }

  isMine(n: number): boolean {
    return isMine(this.#options.shard ?? WHOLE, n);
  }

  get isOver(): boolean {
    const isOver = this.#findings.length >= (this.#options.findingsMost ?? 1) || this.#options.until?.() === true;
    if (isOver) this.#exhausted = false;
    return isOver;
  }

  async exhaust(ops: readonly Op[], config: string): Promise<void> {
    const run = await this.#record(ops, config);
    if (!run) return;
    const { graph, judge } = this.#judgeOf(run, "state");
    const enumeration = new Enumeration(run, graph, judge, {
      recovery: this.#options.recovery === "closed" ? Infinity : (this.#options.recovery ?? 1),
      coverage: this.#coverage,
      ...(this.#options.until && { until: this.#options.until }),
    });
    const found = enumeration.run();
    this.#points += enumeration.points;
    if (found) this.#found(run, found);
    if (this.#options.until?.()) this.#exhausted = false;
  }

  async sample(ops: readonly Op[], config: string, images: number): Promise<void> {
    const run = await this.#record(ops, config);
    if (!run) return;
    const { graph, judge } = this.#judgeOf(run, "shape");
    const { seed, until } = this.#options;
    const shard = this.#options.shard ?? WHOLE;
    const own = Math.floor(images / shard.count) + (shard.index <= images % shard.count ? 1 : 0);
    const sampled = new SampledEnumeration(run, graph, judge, {
      images: own,
      seed,
      shard,
      coverage: this.#coverage,
      ...(until && { until }),
    });
    const found = sampled.run();
    this.#points += sampled.points;
    if (found) this.#found(run, found);
    if (!sampled.exhausted) this.#exhausted = false;
  }

  result(): PowerLossResult {
    const sum = (count: (scene: Scene) => number): number =>
      [...this.#scenes.values()].reduce((total, scene) => total + count(scene), 0);
    const counters = {
      images: sum(({ graph }) => graph.counters.images),
      deduplicated: sum(({ graph }) => graph.counters.deduplicated),
      tier2: sum(({ examined }) => examined.tier2),
      second: sum(({ graph }) => graph.counters.second),
      capped: sum(({ graph }) => graph.counters.capped),
      points: this.#points,
      exhausted: this.#exhausted,
      configs: this.#configs,
      traceHash: createHash("sha256").update(this.#hashes.join("\n")).digest("hex"),
    };
    return { counters, ops: this.#ops, findings: this.#findings, coverage: this.#coverage.coverage() };
  }

  async #record(ops: readonly Op[], config: string): Promise<RecordedRun | undefined> {
    this.#host.unit({ seed: this.#options.seed, config, ops });
    const run = await recordRun({ makeEngine: this.#makeEngine, ops, config });
    this.#hashes.push(traceHash(run.trace, (path) => path.endsWith("/LOCK")));
    this.#ops += ops.length;
    this.#configs[config] = (this.#configs[config] ?? 0) + 1;
    if (!run.failure) return run;
    this.#exhausted = false;
    this.#findings.push(this.#finding(run, run.failure, "running", ops));
    return undefined;
  }

  #judgeOf(run: RecordedRun, by: "state" | "shape"): { graph: ImageGraph; judge: CrashJudge } {
    const config = imageConfiguration(run.config, run.ops);
    let scene = this.#scenes.get(config);
    if (!scene) {
      const options = { makeEngine: this.#makeEngine, config, contents: this.#contents };
      const { until } = this.#options;
      const beat = (): void => this.#host.progress(this.#imagesSoFar());
      scene = {
        graph: new ImageGraph({
          ...options,
          samples: SAMPLES,
          beat,
          coverage: this.#coverage,
          ...(until && { until }),
        }),
        examined: new Examined(by),
        options,
      };
      this.#scenes.set(config, scene);
    }
    return { graph: scene.graph, judge: new CrashJudge(run, scene.graph, scene.options, scene.examined) };
  }

  #imagesSoFar(): number {
    let images = 0;
    for (const { graph } of this.#scenes.values()) images += graph.counters.images;
    return images;
  }

  #found(run: RecordedRun, { violation, crashes }: CrashFound): void {
    const { failure, phase } = violation;
    this.#exhausted = false;
    this.#findings.push(this.#finding(run, failure, phase, opsWithCrashes(run.ops, crashes)));
  }

  #finding(run: RecordedRun, failure: Failure, phase: string, ops: readonly Op[]): Finding {
    const stack = failure.cause instanceof Error ? failure.cause.stack : undefined;
    return {
      condition: failure.condition,
      phase,
      message: failure.message,
      seed: this.#options.seed,
      workload: this.#workload,
      config: run.config,
      ops,
      keys: failure.keys,
      ...(stack !== undefined && { stack }),
    };
  }
}
