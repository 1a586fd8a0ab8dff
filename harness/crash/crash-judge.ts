// Judges what a crash point may leave: every image it can produce, by what the run demanded at that point. Verdicts belong
// to a crash point and an image; what opening the image gives belongs to the image alone and is in the graph.

import { type Demands, type RecordedRun, STORE } from "./recorded-run.ts";
import { lostWhatWasServed, type Edge, type ImageGraph, type ImageNode, type Reached } from "./image-graph.ts";
import { logFacts } from "../inspector/content-facts.ts";
import { failed, mount, type OpenerOptions } from "./image-opener.ts";
import { tierTwo } from "./tier-two.ts";
import { posix } from "node:path";
import { CorruptionError } from "tinykv";
import type { CrashImage } from "../disk/crash-images.ts";
import { ImageEnv } from "../disk/image-env.ts";
import { makeImage, type Image } from "../disk/image.ts";
import { entriesOf } from "../engine-calls.ts";
import { Failure, failureOf } from "../failure.ts";
import type { Loss, Oracle, Window } from "../oracle.ts";

/** What is wrong with a node at a crash point. */
export interface Violation {
  readonly failure: Failure;
  readonly phase: string;
  /** The crashes in recovery that lead to it. */
  readonly way: readonly Edge[];
}

/** At least one image in so many is examined whole. */
const EXAMINED_EVERY = 20;

/**
 * What has been examined, over all runs of a campaign, and what makes an image worth it beside every twentieth: a new
 * recovered state in a new layout ("state"), or, where nearly every image is a new state, a new number of tables and logs
 * ("shape").
 */
export class Examined {
  readonly kinds: Set<string> = new Set();
  tier2 = 0;
  lastAt = 0;
  readonly #by: "state" | "shape";

  constructor(by: "state" | "shape" = "state") {
    this.#by = by;
  }

  kindOf({ state, layout }: ImageNode): string {
    return this.#by === "state" ? `${state} ${layout}` : layout.replaceAll(/:\d+/g, "");
  }
}

export class CrashJudge {
  readonly #run: RecordedRun;
  readonly #graph: ImageGraph;
  readonly #options: OpenerOptions;
  readonly #examined: Examined;
  #window: Window | undefined;
  #accepted = new Set<ImageNode>();
  readonly #soundCheckpoints = new Set<string>();
  readonly #soundClosed = new Set<ImageNode>();

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
    // Behind a kill the disk still holds what it held: a power cut in that recovery is another crash point, with its own
    // demands (enumeration.ts).
    const all = loss === "power" ? this.#graph.reachedFrom(node) : [{ node, failure: node.problem, way: [] }];
    for (const reached of all) {
      const violation = this.#judgeOne(reached, window);
      if (violation) return { ...violation, way: reached.way };
    }
    // A kill says nothing of the edges behind its node.
    if (loss === "power") this.#accepted.add(node);
    return undefined;
  }

  /** All that is demanded of an image that a power cut leaves, `node` being its node. */
  judgePower(image: Image | CrashImage, node: ImageNode, demands: Demands): Violation | undefined {
    return (
      this.judge(node, demands, "power") ?? this.judgeClosed(node, demands) ?? this.judgeCheckpoints(image, demands)
    );
  }

  /** A node must recover exactly the state of another: what that one's open served was durable. */
  expectSame(node: ImageNode, served: ImageNode): Violation | undefined {
    if (node.problem) return { failure: node.problem, phase: node.recovered ? "scan" : "open", way: [] };
    if (node.state === served.state) return undefined;
    return { failure: lostWhatWasServed(node, served), phase: "scan", way: [] };
  }

  /** What a clean close promises of a power cut behind it. */
  judgeClosed(node: ImageNode, demands: Demands): Violation | undefined {
    if (!demands.closed || this.#soundClosed.has(node)) return undefined;
    const failure = closedFailure(node.image, this.#options, { seed: node.seed });
    if (failure) return { failure, phase: "closed", way: [] };
    this.#soundClosed.add(node);
    return undefined;
  }

  /** Checkpoints that had returned open, and hold what they held. */
  judgeCheckpoints(wanted: Image | CrashImage, demands: Demands): Violation | undefined {
    if (demands.checkpoints.length === 0) return undefined;
    const image = "files" in wanted ? wanted : wanted.image();
    const names = demands.checkpoints.map(({ directory, untouched }) => `${directory} ${untouched}`);
    const key = `${names.join("\n")}\n${image.key}`;
    if (this.#soundCheckpoints.has(key)) return undefined;
    const failure = checkpointFailure(image, demands, this.#run.oracle, this.#options);
    if (failure) return { failure, phase: "checkpoint", way: [] };
    this.#soundCheckpoints.add(key);
    return undefined;
  }

  #judgeOne({ node, failure }: Reached, window: Window): Omit<Violation, "way"> | undefined {
    if (failure) return { failure, phase: node.recovered ? "scan" : "open" };
    const states = this.#run.oracle.statesOf(window, node.recovered!);
    if (states.length === 0) {
      const { store } = mount(node.image, this.#options, { seed: node.seed });
      const verdict = this.#run.oracle.judge(window, entriesOf(store));
      if (verdict.ok) throw new Error("a scan gave two answers");
      return { failure: failureOf(verdict.violation), phase: "scan" };
    }
    return this.#examine(node, window, states[0]!);
  }

  #examine(node: ImageNode, window: Window, state: number): Omit<Violation, "way"> | undefined {
    const examined = this.#examined;
    const kind = examined.kindOf(node);
    const isDue = this.#graph.counters.images - examined.lastAt >= EXAMINED_EVERY;
    if (node.examined || (!isDue && examined.kinds.has(kind))) return undefined;
    const { history: model = this.#run.oracle.model } = window;
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
}

/** The first checkpoint of an image that had returned, and does not open or does not hold what it held. */
export function checkpointFailure(
  image: Image,
  { checkpoints }: Demands,
  oracle: Oracle,
  options: OpenerOptions,
): Failure | undefined {
  for (const { directory, window, untouched } of checkpoints) {
    try {
      const { store } = mount(image, options, { seed: CHECKPOINT_SEED, directory, mode: { create: false } });
      const verdict = oracle.judge(window, entriesOf(store));
      if (!verdict.ok) return failureOf(verdict.violation);
      const unclean = untouched && closedFailure(image, options, { seed: CHECKPOINT_SEED, directory });
      if (unclean) return unclean;
    } catch (error) {
      return failed("C3", `the checkpoint ${directory} does not open`, error);
    }
  }
  return undefined;
}

/**
 * What a clean close promises of what a power cut leaves behind it: `absolute` opens it, and damage at its end is found, since
 * everything is witnessed (C13, C22).
 */
export function closedFailure(image: Image, options: OpenerOptions, place: ClosedPlace): Failure | undefined {
  const mode = { create: false };
  try {
    mount(image, { ...options, config: `${options.config},walRecoveryMode=absolute` }, { ...place, mode });
  } catch (error) {
    return failed("C13", "behind a clean close and a power cut absolute does not open", error);
  }
  const damaged = withoutEnd(image, options, place.directory ?? STORE);
  // An engine that cannot tell damage may repair it.
  if (!damaged || !options.makeEngine(new ImageEnv()).capabilities.has("verify")) return undefined;
  try {
    mount(damaged, options, { ...place, mode });
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    return failed("C22", "damage behind a clean close", error);
  }
  return new Failure("C22", "behind a clean close the last byte of the newest log was changed, and nothing noticed");
}

/** The store that was closed; by default the run's own. */
export interface ClosedPlace {
  readonly seed: number;
  readonly directory?: string;
}

// The newest log with the last byte of its CLEAN END changed; undefined if there is none.
function withoutEnd(image: Image, { contents }: OpenerOptions, directory: string): Image | undefined {
  const logs = [...image.files.keys()].filter((path) => path.startsWith(`${directory}/`) && path.endsWith(".log"));
  // As numbers: 1000000.log is newer than 999999.log.
  const numberOf = (path: string): number => Number.parseInt(posix.basename(path), 10);
  const newest = logs.sort((a, b) => numberOf(a) - numberOf(b)).at(-1);
  if (newest === undefined) return undefined;
  const content = image.files.get(newest)!;
  const { cleanEnd } = logFacts(content, numberOf(newest));
  if (!cleanEnd) return undefined;
  const bytes = new Uint8Array(content.bytes);
  bytes[cleanEnd.end - 1]! ^= 0xff;
  return makeImage(new Map(image.files).set(newest, contents.of(bytes)), image.directories);
}

/** No life of a store in a log has it. */
const CHECKPOINT_SEED = 1 << 30;

export function windowOf(demands: Demands, loss: Loss): Window {
  if (loss === "power") return demands.power;
  return loss === "kill" ? demands.kill : demands.killOldBytes;
}
