// Judges what a crash point may leave: every image it can produce, by what the run demanded at that point. Verdicts belong
// to a crash point and an image; what opening the image gives belongs to the image alone and is in the graph.

import type { Demands, RecordedRun } from "./recorded-run.ts";
import type { Edge, ImageGraph, ImageNode } from "./image-graph.ts";
import { mount, type OpenerOptions } from "./image-opener.ts";
import { tierTwo } from "./tier-two.ts";
import type { CrashImage } from "../disk/crash-images.ts";
import type { Image } from "../disk/image.ts";
import { entriesOf } from "../engine-calls.ts";
import { Failure, failureOf } from "../failure.ts";
import type { Loss, Window } from "../oracle.ts";
import { summarise, type RecoveredSummary } from "../recovered.ts";

/** What is wrong with a node at a crash point. */
export interface Violation {
  readonly failure: Failure;
  readonly phase: string;
  /** The crashes in recovery that lead to it. */
  readonly way: readonly Edge[];
}

/** At least one image in so many is examined whole. */
const EXAMINED_EVERY = 20;

/** What has been examined, over all runs of a campaign. */
export class Examined {
  readonly kinds: Set<string> = new Set();
  tier2 = 0;
  lastAt = 0;
}

export class CrashJudge {
  readonly #run: RecordedRun;
  readonly #graph: ImageGraph;
  readonly #options: OpenerOptions;
  readonly #examined: Examined;
  #window: Window | undefined;
  #accepted = new Set<ImageNode>();
  readonly #checkpoints = new Map<string, RecoveredSummary | Failure>();

  constructor(run: RecordedRun, graph: ImageGraph, options: OpenerOptions, examined: Examined) {
    this.#run = run;
    this.#graph = graph;
    this.#options = options;
    this.#examined = examined;
  }

  /** Undefined: everything that the node may give is allowed. */
  judge(node: ImageNode, demands: Demands, loss: Loss): Violation | undefined {
    const window = windowOf(demands, loss);
    if (window !== this.#window) {
      this.#window = window;
      this.#accepted = new Set();
    }
    if (this.#accepted.has(node)) return undefined;
    for (const reached of this.#graph.reachedFrom(node)) {
      const violation = this.#judgeOne(reached.node, window);
      if (violation) return { ...violation, way: reached.way };
    }
    this.#accepted.add(node);
    return undefined;
  }

  /** A node must recover exactly the state of another: what that one's open served was durable. */
  expectSame(node: ImageNode, served: ImageNode): Violation | undefined {
    if (node.problem) return { failure: node.problem, phase: "open", way: [] };
    if (node.state === served.state) return undefined;
    const message = `behind a finished open a power cut left ${node.recovered?.entries} entries, the open had served ${served.recovered?.entries}`;
    return { failure: new Failure("C9", message), phase: "scan", way: [] };
  }

  /** Checkpoints that had returned open, and hold what they held. */
  judgeCheckpoints(wanted: Image | CrashImage, demands: Demands): Violation | undefined {
    if (demands.checkpoints.length === 0) return undefined;
    const image = "files" in wanted ? wanted : wanted.image();
    for (const { directory, window } of demands.checkpoints) {
      const found = this.#openCheckpoint(image, directory);
      if (found instanceof Failure) return { failure: found, phase: "checkpoint", way: [] };
      if (this.#run.oracle.statesOf(window, found).length > 0) continue;
      const { store } = mount(image, this.#options, { seed: 1, directory, mode: { create: false } });
      const verdict = this.#run.oracle.judge(window, entriesOf(store));
      if (!verdict.ok) return { failure: failureOf(verdict.violation), phase: "checkpoint", way: [] };
    }
    return undefined;
  }

  #judgeOne(node: ImageNode, window: Window): Omit<Violation, "way"> | undefined {
    if (node.problem) return { failure: node.problem, phase: node.recovered ? "scan" : "open" };
    const states = this.#run.oracle.statesOf(window, node.recovered!);
    if (states.length === 0) {
      const { store } = mount(node.image, this.#options, { seed: node.seed });
      const verdict = this.#run.oracle.judge(window, entriesOf(store));
      if (verdict.ok) throw new Error("a scan gave two answers");
      return { failure: failureOf(verdict.violation), phase: "scan" };
    }
    return this.#examine(node, states[0]!);
  }

  #examine(node: ImageNode, state: number): Omit<Violation, "way"> | undefined {
    const examined = this.#examined;
    const kind = `${node.state} ${node.layout}`;
    const isDue = this.#graph.counters.images - examined.lastAt >= EXAMINED_EVERY;
    if (node.examined || (!isDue && examined.kinds.has(kind))) return undefined;
    const { model } = this.#run.oracle;
    // A state on a branch of undecided writes is not one of the model's.
    const { digest } = node.recovered!;
    if (model.statesWith(digest, state, state).length === 0) return undefined;
    examined.kinds.add(kind);
    examined.tier2++;
    examined.lastAt = this.#graph.counters.images;
    node.examined = true;
    const found = tierTwo(node.image, this.#options, { seed: node.seed, entries: model.scan({}, state) });
    return found && { failure: found.failure, phase: found.phase };
  }

  #openCheckpoint(image: Image, directory: string): RecoveredSummary | Failure {
    const key = `${directory}\n${image.key}`;
    const known = this.#checkpoints.get(key);
    if (known) return known;
    let found: RecoveredSummary | Failure;
    try {
      const { store } = mount(image, this.#options, { seed: 1, directory, mode: { create: false } });
      found = summarise(entriesOf(store));
    } catch (error) {
      found = new Failure("C3", `a checkpoint does not open: ${String(error)}`, undefined, { cause: error });
    }
    this.#checkpoints.set(key, found);
    return found;
  }
}

export function windowOf(demands: Demands, loss: Loss): Window {
  if (loss === "power") return demands.power;
  return loss === "kill" ? demands.kill : demands.killOldBytes;
}
