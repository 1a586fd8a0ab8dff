// Crashes drawn from a seed, for logs that are too long to try them all: passes over the trace, each stopping at points
// drawn for it, until so many images have been opened or a whole pass brought no new one.

import {
  anySurvival,
  type CrashFound,
  type CoverageCounter,
  type CrashJudge,
  type CrashLoss,
  CrashOps,
  diskAtStart,
  type Image,
  type ImageGraph,
  Random,
  type RecordedRun,
  isMine,
  type Shard,
  SimulatedDisk,
  TraceMap,
  changesDisk,
} from "tinykv/harness";
import { Steering } from "./steering.ts";

export interface SampledOptions {
  readonly images: number;
  readonly seed: string;
  readonly until?: () => boolean;
  /** Of the places at which it may crash, every so many-th. */
  readonly shard: Shard;
  readonly coverage?: CoverageCounter;
}

/** What is drawn at a crash point: so many of each, in 16. */
const DRAWS = { power: 9, kill: 2, killThenPower: 2 } as const;
const DRAWS_ALL = 16;

/** So many passes over every place without a new image: there are no more, or hardly any. */
const IDLE_PASSES_MAX = 8;

export class SampledEnumeration {
  points = 0;
  /** No pass finds another image. */
  exhausted = false;
  readonly #run: RecordedRun;
  readonly #graph: ImageGraph;
  readonly #judge: CrashJudge;
  readonly #options: SampledOptions;
  readonly #ops: CrashOps;
  readonly #random: Random;
  readonly #last: number;
  readonly #map: TraceMap;
  readonly #steering: Steering;

  constructor(run: RecordedRun, graph: ImageGraph, judge: CrashJudge, options: SampledOptions) {
    this.#run = run;
    this.#graph = graph;
    this.#judge = judge;
    this.#options = options;
    this.#ops = new CrashOps(run, graph);
    this.#random = new Random(`sampled:${options.seed}:${options.shard.index}/${options.shard.count}`);
    this.#last = graph.counters.images + options.images;
    this.#map = new TraceMap(run.trace, run.ops);
    this.#steering = new Steering(this.#map);
  }

  run(): CrashFound | undefined {
    const found = this.#draw();
    this.#options.coverage?.add(this.#steering.met.coverage());
    return found;
  }

  #draw(): CrashFound | undefined {
    const places = this.#places();
    let idle = 0;
    while (!this.#isDone() && !this.exhausted) {
      const before = this.#graph.counters.images;
      const found = this.#pass(places, idle > 0);
      if (found) return found;
      idle = this.#graph.counters.images === before ? idle + 1 : 0;
      this.exhausted = idle > IDLE_PASSES_MAX;
    }
    return undefined;
  }

  #isDone(): boolean {
    return this.#graph.counters.images >= this.#last || this.#options.until?.() === true;
  }

  #places(): number[] {
    const { trace, demands } = this.#run;
    const places: number[] = [];
    trace.forEach((event, i) => {
      if (changesDisk(event) || demands[i + 1] !== demands[i]) places.push(i);
    });
    return places.filter((_, n) => isMine(this.#options.shard, n));
  }

  #pass(places: readonly number[], everywhere: boolean): CrashFound | undefined {
    const left = this.#last - this.#graph.counters.images;
    const weights = this.#steering.weights(places);
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    const chosen = new Set(
      places.filter((_, n) => everywhere || this.#random.chance(Math.min(left * weights[n]!, all), all)),
    );
    const disk = diskAtStart(this.#run, this.#graph);
    for (let i = 0; i < this.#run.trace.length; i++) {
      disk.apply(this.#run.trace[i]!, i + 1);
      if (!chosen.has(i)) continue;
      this.points++;
      this.#graph.counters.capped++; // a drawn one stands for all
      const found = this.#at(disk, i);
      if (found || this.#isDone()) return found;
    }
    return undefined;
  }

  #at(disk: SimulatedDisk, i: number): CrashFound | undefined {
    const draw = this.#random.int(DRAWS_ALL);
    const isPower = draw < DRAWS.power || draw >= DRAWS.power + DRAWS.kill + DRAWS.killThenPower;
    const again = draw >= DRAWS.power + DRAWS.kill;
    const loss = this.#steering.loss(i, isPower ? "power" : "kill");
    if (loss === "power") return this.#power(disk, i, again);
    return again ? this.#killThenPower(disk, i) : this.#kill(disk, i);
  }

  #power(disk: SimulatedDisk, i: number, again: boolean): CrashFound | undefined {
    const items = disk.pending();
    const where = this.#map.at(i, disk);
    const choices = this.#steering.survival(where, () => anySurvival(items, this.#random));
    const fill = this.#random.chance(1, 4) ? "stale" : "zeros";
    const image = disk.image(items, choices, fill);
    const demands = this.#run.demands[i + 1]!;
    const node = this.#graph.node(image, 0);
    this.#steering.met.countPower(where, "power", node.shown, () => choices);
    const violation = this.#judge.judgePower(image, node, demands);
    const crash = () => this.#ops.power(disk, { choices, fill }, i);
    if (violation) return { violation, crashes: this.#ops.chain([crash()], node, violation.way) };
    if (!again || this.#isDone()) return undefined;
    const mounted = new SimulatedDisk(image, this.#graph.contents);
    return this.#cutRecovery({ disk: mounted, i, image, node, crash, loss: "power, then power" });
  }

  #kill(disk: SimulatedDisk, i: number): CrashFound | undefined {
    const node = this.#graph.node(disk.imageKill(), 0);
    this.#steering.met.count(this.#map.at(i, disk), "kill", node.shown);
    const violation = this.#judge.judge(node, this.#run.demands[i + 1]!, "kill");
    return violation && { violation, crashes: this.#ops.chain([this.#ops.kill(i, "after")], node, violation.way) };
  }

  #killThenPower(disk: SimulatedDisk, i: number): CrashFound | undefined {
    const found = this.#kill(disk, i);
    if (found || this.#isDone()) return found;
    const killed = disk.clone();
    killed.kill();
    const image = disk.imageKill();
    const node = this.#graph.node(image, 0);
    return this.#cutRecovery({
      disk: killed,
      i,
      image,
      node,
      crash: () => this.#ops.kill(i, "after"),
      loss: "kill, then power",
    });
  }

  // The power goes at a drawn place of the recovery that starts on `disk`.
  #cutRecovery({ disk, i, image, node, crash, loss }: CutRecovery): CrashFound | undefined {
    const recovery = this.#graph.recoveryFrom(image, node);
    const j = this.#random.int(recovery.length);
    recovery.slice(0, j + 1).forEach((event, k) => disk.apply(event, i + 2 + k));
    const items = disk.pending();
    const choices = anySurvival(items, this.#random);
    const where = new TraceMap(recovery).at(j, disk);
    const second = this.#graph.secondNode(disk.image(items, choices));
    this.#steering.met.countPower(where, loss, second.shown, () => choices);
    const violation =
      j === recovery.length - 1
        ? this.#judge.expectSame(second, node)
        : this.#judge.judge(second, this.#run.demands[i + 1]!, "power");
    if (!violation) return undefined;
    const first = crash();
    const power = this.#ops.powerInRecovery(first, recovery, { disk, survival: { choices, fill: "zeros" }, j });
    return { violation, crashes: this.#ops.chain([first, power], second, violation.way) };
  }
}

interface CutRecovery {
  readonly disk: SimulatedDisk;
  readonly i: number;
  readonly image: Image;
  readonly node: ReturnType<ImageGraph["node"]>;
  readonly crash: () => ReturnType<CrashOps["kill"]>;
  readonly loss: CrashLoss;
}
