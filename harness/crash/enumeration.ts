// Every crash of one recorded run: at each crash point the images of a power cut, what a process kill leaves, and a power
// cut inside the recovery behind either.

import { SimulatedDisk } from "../disk/simulated-disk.ts";
import { makeImage, type Image } from "../disk/image.ts";
import { PAGE_BYTES } from "../disk/page.ts";
import { changesDisk, type TraceCall } from "../disk/trace.ts";
import type { CrashOp } from "../op.ts";
import { type CoverageCounter, TraceMap } from "./coverage.ts";
import { CrashOps, OLD_BYTES } from "./crash-ops.ts";
import type { CrashJudge, Violation } from "./crash-judge.ts";
import { cutPlaces, type ImageGraph, type ImageNode } from "./image-graph.ts";
import { type Demands, EMPTY_DIRECTORIES, OPENING, type RecordedRun } from "./recorded-run.ts";

export interface EnumerationOptions {
  /** Crashes in recovery, so many times over; Infinity until no new image appears. */
  readonly recovery: number;
  /** Asked at every crash point: stop here. */
  readonly until?: () => boolean;
  readonly coverage?: CoverageCounter;
  /** Crashes during these operations alone, and behind their return. */
  readonly only?: ReadonlySet<number>;
}

/** A violation and the crashes that show it, as operations to put behind those of the run. */
export interface CrashFound {
  readonly violation: Violation;
  readonly crashes: readonly CrashOp[];
}

/** A process kill: what it leaves, and how to say it. */
interface Kill {
  readonly i: number;
  readonly image: Image;
  readonly demands: Demands;
  readonly loss: "kill" | "killOldBytes";
  readonly crash: () => CrashOp;
}

/** The disk of a run as it was at its start. */
export function diskAtStart(run: RecordedRun, graph: ImageGraph): SimulatedDisk {
  return new SimulatedDisk(run.start ?? makeImage([], EMPTY_DIRECTORIES), graph.contents);
}

export class Enumeration {
  points = 0;
  readonly #run: RecordedRun;
  readonly #graph: ImageGraph;
  readonly #judge: CrashJudge;
  readonly #options: EnumerationOptions;
  readonly #ops: CrashOps;
  readonly #tried = new Set<string>();
  readonly #coverage: CoverageCounter | undefined;
  readonly #map: TraceMap | undefined;

  constructor(run: RecordedRun, graph: ImageGraph, judge: CrashJudge, options: EnumerationOptions) {
    this.#run = run;
    this.#graph = graph;
    this.#judge = judge;
    this.#options = options;
    this.#ops = new CrashOps(run, graph);
    this.#coverage = options.coverage;
    this.#map = options.coverage && new TraceMap(run.trace, run.ops);
  }

  /** The first violation, in the order of time; undefined if there is none. */
  run(): CrashFound | undefined {
    const { trace, demands } = this.#run;
    const disk = diskAtStart(this.#run, this.#graph);
    let op = OPENING;
    for (let i = 0; i < trace.length; i++) {
      const event = trace[i]!;
      const after = demands[i + 1]!;
      if ("mark" in event && event.mark === "begin") op = event.op;
      if (this.#options.only?.has(op) === false) {
        disk.apply(event, i + 1);
        continue;
      }
      if ("call" in event && event.call === "write") {
        const found = this.#insideWrite(disk, event, i);
        if (found) return found;
      }
      disk.apply(event, i + 1);
      if (!changesDisk(event) && after === demands[i]) continue;
      this.points++;
      const found = this.at(disk, i, after);
      if (found || this.#options.until?.()) return found;
    }
    return undefined;
  }

  /** The crash point behind the event `i`. */
  at(disk: SimulatedDisk, i: number, demands: Demands): CrashFound | undefined {
    return this.#powerCut(disk, i, demands) ?? this.#kill(disk, i, demands);
  }

  #powerCut(disk: SimulatedDisk, i: number, demands: Demands): CrashFound | undefined {
    const { recovery } = this.#options;
    const where = this.#map?.at(i, disk);
    for (const image of this.#graph.imagesOf(disk, `${i}`)) {
      const node = this.#graph.node(image, recovery);
      if (where) this.#coverage!.countPower(where, "power", node.shown, () => image.survival().choices);
      const violation = this.#judge.judgePower(image, node, demands);
      if (violation)
        return {
          violation,
          crashes: this.#ops.chain([this.#ops.power(disk, image.survival(), i)], node, violation.way),
        };
    }
    return undefined;
  }

  // What the kernel was given is all there; where an fsync failed, the old bytes may be.
  #kill(disk: SimulatedDisk, i: number, demands: Demands): CrashFound | undefined {
    const image = disk.imageKill();
    const found = this.#killed(disk, { i, image, demands, loss: "kill", crash: () => this.#ops.kill(i, "after") });
    const old = disk.imageKill(true);
    if (found || old.key === image.key) return found;
    const crash = (): CrashOp => this.#ops.kill(i, "after", { kind: "lose", items: [OLD_BYTES] });
    return this.#killed(disk, { i, image: old, demands, loss: "killOldBytes", crash });
  }

  // The pages of a write in flight are there up to any of them.
  #insideWrite(disk: SimulatedDisk, write: TraceCall & { call: "write" }, i: number): CrashFound | undefined {
    const { position, bytes } = write;
    const demands = this.#run.demands[i + 1]!;
    const first = PAGE_BYTES - (position % PAGE_BYTES);
    for (let length = first, pages = 1; length < bytes.length; length += PAGE_BYTES, pages++) {
      const partial = disk.clone();
      partial.apply({ ...write, bytes: bytes.subarray(0, length) }, i + 1);
      const crash = (): CrashOp => this.#ops.kill(i, "inside", { kind: "keep", items: [`pages:${pages}`] });
      const found = this.#killed(partial, { i, image: partial.imageKill(), demands, loss: "kill", crash });
      if (found) return found;
    }
    return undefined;
  }

  #killed(disk: SimulatedDisk, kill: Kill): CrashFound | undefined {
    const { i, image, demands, loss, crash } = kill;
    const node = this.#graph.node(image, 0);
    this.#coverage?.count(this.#map!.at(i, disk), loss === "kill" ? "kill" : "old bytes", node.shown);
    const violation = this.#judge.judge(node, demands, loss);
    if (violation) return { violation, crashes: this.#ops.chain([crash()], node, violation.way) };
    // What reads back as if it had never been written may turn up once more (M21). No recovery can rule that out: it would have
    // to alter files before it knows that it succeeds (C14).
    const isCertain = loss === "kill";
    return this.#options.recovery > 0 && isCertain ? this.#powerCutBehindKill(disk, node, kill) : undefined;
  }

  // kill → open → power loss: what was pending at the kill still is.
  #powerCutBehindKill(disk: SimulatedDisk, node: ImageNode, kill: Kill): CrashFound | undefined {
    const { i, image, demands } = kill;
    const signature = `${image.key}\n${disk.imageNone().key}\n${demands.power.least},${demands.power.most}`;
    if (this.#tried.has(signature)) return undefined;
    this.#tried.add(signature);
    const killed = disk.clone();
    killed.kill();
    const recovery = this.#graph.recoveryFrom(image, node);
    const places = new Set(cutPlaces(recovery));
    const map = this.#coverage && new TraceMap(recovery);
    for (let j = 0; j < recovery.length; j++) {
      const event = recovery[j]!;
      killed.apply(event, i + 2 + j);
      if (!places.has(j)) continue;
      const served = j === recovery.length - 1;
      const where = map?.at(j, killed);
      for (const cut of this.#graph.imagesOf(killed, `${i}:${j}`)) {
        const second = this.#graph.secondNode(cut);
        if (where) this.#coverage!.countPower(where, "kill, then power", second.shown, () => cut.survival().choices);
        const violation = served ? this.#judge.expectSame(second, node) : this.#judge.judge(second, demands, "power");
        if (!violation) continue;
        const crash = kill.crash();
        const power = this.#ops.powerInRecovery(crash, recovery, { disk: killed, survival: cut.survival(), j });
        return { violation, crashes: this.#ops.chain([crash, power], second, violation.way) };
      }
    }
    return undefined;
  }
}
