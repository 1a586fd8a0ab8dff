// Crash images of an engine that is not ours, computed from what strace saw of it: each is written into a directory in
// memory, opened by the engine, and judged by what the engine claims. What fails is made smaller: of the losses of an image
// those are told that it takes.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import {
  anySurvival,
  changesDisk,
  ContentStore,
  DriverDied,
  EMPTY_DIRECTORIES,
  isWrite,
  sceneOf,
  type Condition,
  type CrashScene,
  type ForeignRun,
  type Image,
  makeImage,
  type Oracle,
  Random,
  recoveredFrom,
  rolesOf,
  SimulatedDisk,
  type StdioEngine,
  type StdioStore,
  STORE,
  type Window,
} from "tinykv/harness";

export interface ForeignOptions {
  readonly run: ForeignRun;
  readonly engine: StdioEngine;
  readonly config: string;
  readonly seed: string;
  /** So many are judged, unless there are fewer. */
  readonly images: number;
  /** A directory in memory, made and emptied. */
  readonly scratch: string;
  readonly progress?: (done: number, total: number) => void;
}

export interface ForeignFinding {
  readonly condition: Condition;
  readonly message: string;
  readonly loss: "power" | "kill";
  /** The event behind which the crash came. */
  readonly event: number;
  /** What has to be lost for it; of a kill nothing. */
  readonly lost: readonly string[];
  /** With nothing else lost; the message is about it. */
  readonly image: Image;
  readonly scene: CrashScene;
}

type Explained = Omit<ForeignFinding, "condition" | "loss" | "event">;
type Wrong = Pick<ForeignFinding, "message" | "image">;

export interface ForeignResult {
  readonly images: number;
  readonly deduplicated: number;
  readonly exhausted: boolean;
  /** One of each kind: the same condition by the loss of the same things is told once. */
  readonly findings: readonly ForeignFinding[];
  /** Images that failed, by condition. */
  readonly failed: Readonly<Record<string, number>>;
}

type Choices = ReturnType<typeof anySurvival>;
type Pending = ReturnType<SimulatedDisk["pending"]>;

/** One crash in so many is a kill: nothing is lost, so there are fewer images of it. */
const KILL_EVERY = 8;
/** Passes without a new image: there are hardly more. */
const IDLE_PASSES_MAX = 8;
/** Findings that are made smaller and told. */
const FINDINGS_MOST = 20;

export function crashForeign(options: ForeignOptions): ForeignResult {
  return new ForeignCampaign(options).search();
}

class ForeignCampaign {
  readonly #options: ForeignOptions;
  readonly #contents = new ContentStore();
  readonly #random: Random;
  readonly #judged = new Set<string>();
  readonly #kinds = new Set<string>();
  readonly #findings: ForeignFinding[] = [];
  readonly #failed: Record<string, number> = {};
  #images = 0;
  #deduplicated = 0;
  #nextDirectory = 0;

  constructor(options: ForeignOptions) {
    this.#options = options;
    this.#random = new Random(`foreign:${options.seed}`);
  }

  search(): ForeignResult {
    let idle = 0;
    while (!this.#isDone() && idle <= IDLE_PASSES_MAX) {
      const before = this.#images;
      this.#pass(idle > 0);
      idle = this.#images === before ? idle + 1 : 0;
    }
    return {
      images: this.#images,
      deduplicated: this.#deduplicated,
      exhausted: !this.#isDone(),
      findings: this.#findings,
      failed: this.#failed,
    };
  }

  #isDone(): boolean {
    return this.#images >= this.#options.images;
  }

  #pass(everywhere: boolean): void {
    const { trace } = this.#options.run;
    const places = trace.flatMap((event, i) => (changesDisk(event) ? [i] : []));
    const left = everywhere ? places.length : this.#options.images - this.#images;
    const chosen = new Set(places.filter(() => this.#random.chance(Math.min(left, places.length), places.length)));
    const disk = new SimulatedDisk(makeImage([], EMPTY_DIRECTORIES), this.#contents);
    trace.forEach((event, i) => {
      disk.apply(event, i + 1);
      if (chosen.has(i) && !this.#isDone()) this.#crash(disk, i);
    });
  }

  #crash(disk: SimulatedDisk, event: number): void {
    if (this.#random.chance(1, KILL_EVERY)) {
      this.#judgeNew(disk.imageKill(), "kill", event, (_, found) => ({
        ...found,
        lost: [],
        scene: this.#sceneOf({ disk, items: disk.pending(), event, image: found.image }),
      }));
      return;
    }
    const items = disk.pending();
    const choices = anySurvival(items, this.#random);
    this.#judgeNew(disk.image(items, choices), "power", event, (condition, found) =>
      this.#smallestLoss({ disk, items, choices, event, condition }, found),
    );
  }

  #judgeNew(
    image: Image,
    loss: "power" | "kill",
    event: number,
    explain: (condition: Condition, found: Wrong) => Explained,
  ): void {
    const { least, most } = this.#options.run.windows[event + 1]![loss];
    const key = `${image.key}:${least}:${most}`;
    if (this.#judged.has(key)) {
      this.#deduplicated++;
      return;
    }
    this.#judged.add(key);
    this.#images++;
    this.#options.progress?.(this.#images, this.#options.images);
    const wrong = this.#wrongOf(image, loss, event);
    if (!wrong) return;
    const { condition } = wrong;
    this.#failed[condition] = (this.#failed[condition] ?? 0) + 1;
    if (this.#findings.length >= FINDINGS_MOST) return;
    const found = explain(condition, { message: wrong.message, image });
    const kind = `${condition}:${found.lost.map((item) => item.replaceAll(/\d+/g, "N")).join()}`;
    if (this.#kinds.has(kind)) return;
    this.#kinds.add(kind);
    this.#findings.push({ condition, loss, event, ...found });
  }

  // What the engine makes of an image; undefined if that is allowed.
  #wrongOf(image: Image, loss: "power" | "kill", event: number): { condition: Condition; message: string } | undefined {
    const { engine, config, run, scratch } = this.#options;
    const { oracle, windows } = run;
    const directory = join(scratch, `image-${this.#nextDirectory++}`);
    writeStore(image, directory);
    try {
      return judgeOpened(engine, { directory, config, oracle, window: windows[event + 1]![loss] });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  // Each lost item in turn survives, if the image still fails in the same way without its loss. What it then says may be
  // another thing: an engine that misses two files complains of one.
  #smallestLoss({ disk, items, choices, event, condition }: Lost, found: Wrong): Explained {
    let lost: Choices = choices;
    let { message, image } = found;
    items.forEach((item, i) => {
      const newest = item.times.length - 1;
      if (lost[i]!.version === newest && lost[i]!.torn === undefined) return;
      const mended = lost.map((choice, j) => (j === i ? { version: newest } : choice));
      const smaller = disk.image(items, mended);
      const wrong = this.#wrongOf(smaller, "power", event);
      if (wrong?.condition === condition) [lost, message, image] = [mended, wrong.message, smaller];
    });
    const roles = rolesOf(items, STORE);
    const names = items.flatMap((item, i) => {
      const { version, torn } = lost[i]!;
      if (version === item.times.length - 1 && torn === undefined) return [];
      return [torn === undefined ? roles[i]! : `${roles[i]!} torn`];
    });
    return { message, lost: names, image, scene: this.#sceneOf({ disk, items, event, image, choices: lost }) };
  }

  #sceneOf({ disk, items, event, image, choices }: Crashed): CrashScene {
    const { run } = this.#options;
    const loss = choices ? "power" : "kill";
    const window = run.windows[event + 1]![loss];
    const writes = run.ops.filter(isWrite).map(({ id }, i) => ({ op: id, p: i + 1 }));
    const met = { op: 0, loss, window, writes, disk, items, roles: rolesOf(items, STORE), image } as const;
    return sceneOf({ ...met, ...(choices && { choices }) });
  }
}

interface Opening {
  readonly directory: string;
  readonly config: string;
  readonly oracle: Oracle;
  readonly window: Window;
}

/** What an engine makes of a directory; undefined if the window allows it. */
export function judgeOpened(
  engine: StdioEngine,
  { directory, config, oracle, window }: Opening,
): { readonly condition: Condition; readonly message: string } | undefined {
  let store: StdioStore | undefined;
  try {
    store = engine.open(directory, config);
    const verdict = oracle.judge(window, recoveredFrom(store, engine.capabilities, window.history ?? oracle.model));
    return verdict.ok ? undefined : verdict.violation;
  } catch (error) {
    const hung = error instanceof DriverDied && error.hung;
    return { condition: hung ? "C28" : "C1", message: `it does not open: ${String(error)}` };
  } finally {
    store?.kill();
    store?.reap();
  }
}

/** Without choices it was a kill. */
interface Crashed {
  readonly disk: SimulatedDisk;
  readonly items: Pending;
  readonly event: number;
  readonly image: Image;
  readonly choices?: Choices;
}

interface Lost {
  readonly disk: SimulatedDisk;
  readonly items: Pending;
  readonly choices: Choices;
  readonly event: number;
  readonly condition: Condition;
}

function writeStore({ files, directories }: Image, target: string): void {
  mkdirSync(target, { recursive: true });
  const inside = (path: string): string => join(target, relative(STORE, path));
  for (const path of directories) if (path.startsWith(`${STORE}/`)) mkdirSync(inside(path), { recursive: true });
  for (const [path, { bytes }] of files) {
    if (!path.startsWith(`${STORE}/`)) continue;
    mkdirSync(dirname(inside(path)), { recursive: true });
    writeFileSync(inside(path), bytes);
  }
}
