// Every image that a campaign has met, each opened once, and what a second crash may make of it.
//
// A node is an image up to renaming (inspector/canonical-image.ts). Its edges lead to the images that a power cut inside
// its recovery leaves. Whoever judges a crash point that can produce an image judges every state that the node reaches:
// crashing again during recovery must not change what is recovered beyond what the first crash allowed. What a finished
// open served is durable: the images of a power cut behind it must give that state and no other (C9).

import type { ContentStore, Image } from "../disk/image.ts";
import { SimulatedDisk } from "../disk/simulated-disk.ts";
import { changesDisk, type TraceEvent } from "../disk/trace.ts";
import { crashImages, type CrashImage } from "../disk/crash-images.ts";
import type { Choices, Fill } from "../disk/choice.ts";
import { Failure } from "../failure.ts";
import { Canonicalizer } from "../inspector/canonical-image.ts";
import type { FeatureBits } from "../inspector/format-features.ts";
import { ReachableKeys } from "../inspector/reachable.ts";
import type { RecoveredSummary } from "../recovered.ts";
import { blockSizeOf, parseConfiguration } from "../configurations.ts";
import { type CoverageCounter, TraceMap } from "./coverage.ts";
import { openImage, type Opened, type OpenerOptions } from "./image-opener.ts";
import { STORE } from "./recorded-run.ts";

export interface GraphCounters {
  /** Tier-1 opens made. */
  images: number;
  /** Images that were like one met before. */
  deduplicated: number;
  /** Of `images`, those that a second crash left. */
  second: number;
  /** Crash points at which combinations were left out. */
  capped: number;
}

export interface ImageNode {
  readonly image: Image;
  readonly seed: number;
  readonly life: number;
  readonly recovered: RecoveredSummary | undefined;
  /** A condition that it fails whatever the history was. */
  readonly problem: Failure | undefined;
  /** Equal for equal recovered states. */
  readonly state: string;
  /** How tables and logs lay behind the open: a new layout is worth a closer look. */
  readonly layout: string;
  /** Of the formats, where a campaign counts that; images that are one node may differ in file numbers alone. */
  readonly shown: FeatureBits;
  /** The calls of the open; let go when crashes inside it have been tried, or will not be. */
  recovery: readonly TraceEvent[];
  /** What power cuts inside its recovery leave, each node once. */
  edges: readonly Edge[];
  /** Crashes in recovery were tried so many times over. */
  depth: number;
  /** Everything was asked of it once (tier-two.ts). */
  examined: boolean;
}

/** How an image came about: what became of each pending item, and what shows where nothing was written. */
export interface Survived {
  readonly choices: Choices;
  readonly fill: Fill;
}

/** How an image was come by. */
interface Meeting {
  /** How many recoveries were cut short before: each life of a store draws its chance from a seed of its own. */
  readonly life: number;
  readonly keepRecovery: boolean;
  reach?: string | undefined;
}

/** The run itself has the seed before this. */
const FIRST_RECOVERY_SEED = 2;

/** Of recoveries that are kept: those of a few crash points. */
const RECENT_MAX = 512;

type AnyImage = Image | CrashImage;

export interface Edge {
  readonly to: ImageNode;
  /** The event of the recovery behind which the power goes. */
  readonly event: number;
  readonly survival: Survived;
  /** The open had returned: what it served was durable. */
  readonly served: boolean;
  /** What is wrong with it as such: behind a finished open it must recover what that served. */
  readonly failure: Failure | undefined;
}

/** A state that a node may give after crashes in recovery, and the way to it. */
export interface Reached {
  readonly node: ImageNode;
  readonly failure: Failure | undefined;
  readonly way: readonly Edge[];
}

export interface GraphOptions extends OpenerOptions {
  /** Seeded combinations at a crash point with too many pending items. */
  readonly samples: number;
  readonly beat: () => void;
  readonly coverage?: CoverageCounter;
  /** Asked now and then: go no deeper. */
  readonly until?: () => boolean;
}

export class ImageGraph {
  readonly counters: GraphCounters = { images: 0, deduplicated: 0, second: 0, capped: 0 };
  readonly contents: ContentStore;
  readonly #options: GraphOptions;
  readonly #canonicalizer = new Canonicalizer();
  readonly #reachable = new ReachableKeys(STORE);
  readonly #byImage = new Map<string, ImageNode>();
  readonly #byForm = new Map<string, ImageNode>();
  readonly #edges = new Map<string, readonly Edge[]>();
  /** Recoveries of the images of first crashes that were opened last. */
  readonly #recent = new Map<string, readonly TraceEvent[]>();
  readonly #blockSize: number;
  #deviating = 0;

  constructor(options: GraphOptions) {
    this.#options = options;
    this.#blockSize = blockSizeOf(parseConfiguration(options.config));
    this.contents = options.contents;
  }

  /** The node of an image, opened if it is new. `depth`: crashes in recovery so many times over are tried too. */
  node(image: AnyImage, depth: number): ImageNode {
    const node = this.#nodeOf(image, { life: 0, keepRecovery: depth > 0 });
    this.#explore(node, depth);
    return node;
  }

  /** An image that a crash inside a recovery left: it counts as a second one, and no third crash is tried. */
  secondNode(image: AnyImage): ImageNode {
    return this.#nodeOf(image, { life: 1, keepRecovery: false });
  }

  /** The calls of the recovery of an image of this node: it has the names of that image, not those of the node's own. */
  recoveryFrom(image: Image, node: ImageNode): readonly TraceEvent[] {
    if (image.key === node.image.key) return this.recoveryOf(node);
    return this.#recent.get(image.key) ?? openImage(image, this.#options, node.seed).recovery;
  }

  /** The calls of a node's recovery. */
  recoveryOf(node: ImageNode): readonly TraceEvent[] {
    if (node.recovery.length > 0) return node.recovery;
    return this.#recent.get(node.image.key) ?? openImage(node.image, this.#options, node.seed).recovery;
  }

  /** Crashing in its recovery never led to another state than that of the image itself. */
  get isUniform(): boolean {
    return this.#deviating === 0;
  }

  /** The node itself and every node behind it that recovers another state or fails. */
  *reachedFrom(node: ImageNode): Generator<Reached> {
    const first: Reached = { node, failure: node.problem, way: [] };
    yield first;
    if (this.isUniform) return;
    const seen = new Set([node]);
    const queue: Reached[] = [first];
    for (let at = queue.shift(); at; at = queue.shift()) {
      for (const edge of at.node.edges) {
        if (seen.has(edge.to)) continue;
        seen.add(edge.to);
        const reached = { node: edge.to, failure: edge.to.problem ?? edge.failure, way: [...at.way, edge] };
        if (deviates(at.node, edge)) yield reached;
        queue.push(reached);
      }
    }
  }

  // By the image itself, then by a quick look at what of it can matter, then by its form.
  #nodeOf(wanted: AnyImage, how: Meeting): ImageNode {
    const known = this.#byImage.get(wanted.key) ?? this.#byReach(wanted, how);
    if (known) {
      this.counters.deduplicated++;
      return known;
    }
    const image = "files" in wanted ? wanted : wanted.image();
    const form = this.#canonicalizer.keyOf(image, STORE, how.life > 0 ? "counted" : "whole");
    let node = this.#byForm.get(form);
    if (node) this.counters.deduplicated++;
    else {
      node = this.#open(image, how);
      this.#byForm.set(form, node);
    }
    this.#byImage.set(wanted.key, node);
    if (how.reach !== undefined) this.#byImage.set(how.reach, node);
    return node;
  }

  #byReach(wanted: AnyImage, how: Meeting): ImageNode | undefined {
    if (how.life === 0 || "files" in wanted) return undefined;
    how.reach = this.#reachable.keyOf(wanted.tree, wanted.contents());
    return how.reach === undefined ? undefined : this.#byImage.get(how.reach);
  }

  #open(image: Image, { life, keepRecovery }: Meeting): ImageNode {
    const seed = FIRST_RECOVERY_SEED + life;
    const opened = openImage(image, this.#options, seed);
    this.counters.images++;
    const shown = this.#options.coverage?.opened(image, this.#blockSize) ?? 0;
    if (life > 0) this.counters.second++;
    else this.#remember(image, opened.recovery);
    this.#options.beat();
    const { recovered, problem } = opened;
    return {
      image,
      seed,
      life,
      recovered,
      problem,
      state: stateOf(opened),
      layout: opened.layout,
      shown,
      recovery: keepRecovery ? opened.recovery : [],
      edges: [],
      depth: 0,
      examined: false,
    };
  }

  // What a kill leaves is what a power cut leaves that loses nothing, and that was opened a moment ago.
  #remember(image: Image, recovery: readonly TraceEvent[]): void {
    this.#recent.set(image.key, recovery);
    if (this.#recent.size <= RECENT_MAX) return;
    const [oldest] = this.#recent.keys();
    this.#recent.delete(oldest!);
  }

  // Breadth first: a chain of recoveries may be long, and every image of it is explored once.
  #explore(first: ImageNode, depth: number): void {
    let wave: Iterable<ImageNode> = [first];
    for (let left = depth; left > 0; left--) {
      const next = new Set<ImageNode>();
      for (const node of wave) {
        if (node.depth >= left || !node.recovered) continue;
        if (node.depth === 0) node.edges = this.#edgesOf(node, left > 1);
        node.depth = left;
        node.recovery = [];
        for (const { to } of node.edges) next.add(to);
      }
      // What deviates is to be judged first; an engine that is wrong may never come to an end.
      if (next.size === 0 || !this.isUniform || this.#options.until?.()) return;
      wave = next;
    }
  }

  // Nodes that differ in nothing but what CURRENT does not lead to have one recovery.
  #edgesOf(node: ImageNode, keepRecovery: boolean): readonly Edge[] {
    const form = this.#canonicalizer.keyOf(node.image, STORE, "counted");
    const known = this.#edges.get(form);
    if (known) return known;
    const edges = this.#crashInRecovery(node, keepRecovery);
    this.#edges.set(form, edges);
    return edges;
  }

  #crashInRecovery(node: ImageNode, keepRecovery: boolean): readonly Edge[] {
    const edges = new Map<ImageNode, Edge>();
    const disk = new SimulatedDisk(node.image, this.contents);
    const recovery = this.recoveryOf(node);
    const places = new Set(cutPlaces(recovery));
    const { coverage } = this.#options;
    const map = coverage && new TraceMap(recovery);
    recovery.forEach((event, i) => {
      disk.apply(event, i + 1);
      if (!places.has(i)) return;
      const served = i === recovery.length - 1;
      const where = map?.at(i, disk);
      for (const crashImage of this.imagesOf(disk, `${node.seed}:${i}`)) {
        const to = this.#nodeOf(crashImage, { life: node.life + 1, keepRecovery });
        if (where) coverage!.countPower(where, "power, then power", to.shown, () => crashImage.survival().choices);
        const known = edges.get(to);
        if (known && (known.served || !served)) continue;
        edges.set(to, { to, event: i, survival: crashImage.survival(), served, failure: undefined });
      }
    });
    return [...edges.values()].map((edge) => this.#checked(node, edge));
  }

  /** The images of a power cut now (crash-images.ts). */
  imagesOf(disk: SimulatedDisk, seed: string): readonly CrashImage[] {
    return crashImages(disk, { samples: this.#options.samples, seed, onCapped: () => this.counters.capped++ });
  }

  #checked(node: ImageNode, edge: Edge): Edge {
    if (!deviates(node, edge)) return edge;
    this.#deviating++;
    if (!edge.served || edge.to.problem) return edge;
    return { ...edge, failure: lostWhatWasServed(edge.to, node) };
  }
}

/**
 * Where in a recovery the power goes: just before each sync, and behind the last call. Between two syncs what is pending
 * only grows, and each moment's images are among the last one's (but for the bytes of a dead log, when another dies meanwhile).
 */
export function cutPlaces(recovery: readonly TraceEvent[]): number[] {
  const places: number[] = [];
  let changed = -1;
  recovery.forEach((event, i) => {
    if (!changesDisk(event)) return;
    if (changed >= 0 && "barrier" in event) places.push(i - 1);
    changed = i;
  });
  places.push(recovery.length - 1);
  return places;
}

/** A power cut behind a finished open left another state than that open served. */
export function lostWhatWasServed({ recovered }: ImageNode, served: ImageNode): Failure {
  const had = served.recovered?.entries;
  return new Failure(
    "C9",
    `behind a finished open a power cut left ${recovered?.entries} entries, the open had served ${had}`,
  );
}

function deviates(node: ImageNode, { to }: Edge): boolean {
  return to.problem !== undefined || to.state !== node.state;
}

function stateOf({ recovered }: Opened): string {
  if (!recovered) return "unopened";
  const { digest, foreign, outOfOrder } = recovered;
  return `${digest.low},${digest.high},${foreign},${outOfOrder !== undefined}`;
}
