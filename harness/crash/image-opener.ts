// Tier 1: an image is mounted, the store on it opened and scanned, its structure looked at. What came of it depends on the
// image alone, never on what it should have been: whoever knows what was durable judges.

import type { ImageEnv } from "../disk/image-env.ts";
import type { ContentStore, Image } from "../disk/image.ts";
import { RecordingEnv, type Interceptor } from "../disk/recording-env.ts";
import type { TraceEvent } from "../disk/trace.ts";
import type { Condition } from "../conditions.ts";
import type { EngineStore } from "../engine.ts";
import { entriesOf } from "../engine-calls.ts";
import { Failure } from "../failure.ts";
import { problemText } from "../inspector/problem.ts";
import { readStoreContents, visibleEntries } from "../inspector/store-contents.ts";
import { storeProblems } from "../inspector/store-judge.ts";
import { keyBytes } from "../keys.ts";
import { summarise, type RecoveredSummary } from "../recovered.ts";
import { newDisk, type EngineMaker, STORE } from "./recorded-run.ts";

export interface OpenerOptions {
  readonly makeEngine: EngineMaker;
  readonly config: string;
  readonly contents: ContentStore;
}

/** What opening an image showed. */
export interface Opened {
  readonly recovered: RecoveredSummary | undefined;
  /** A condition that fails whatever the history was. */
  readonly problem: Failure | undefined;
  /** The tables by level, and how many logs: two stores of one layout hold their state alike. */
  readonly layout: string;
  /** The calls of the open. */
  readonly recovery: readonly TraceEvent[];
}

/** An open store on its own disk. */
export interface Mounted {
  readonly store: EngineStore;
  readonly disk: ImageEnv;
}

/** Mounts an image and opens the store in `directory`; every call goes to `interceptor`. */
export function mount(
  image: Image | undefined,
  { makeEngine, config }: OpenerOptions,
  { seed, interceptor, directory = STORE, mode }: MountOptions,
): Mounted {
  const disk = newDisk(image, seed);
  const engine = makeEngine(interceptor ? new RecordingEnv(disk, interceptor) : disk);
  return { store: engine.open(directory, config, mode), disk };
}

export interface MountOptions {
  readonly seed: number;
  readonly interceptor?: Interceptor;
  readonly directory?: string;
  readonly mode?: { readonly readOnly?: boolean; readonly create?: boolean };
}

/** Opens a store for writing, scans it and leaves it: nothing that it would still do matters. */
export function openImage(image: Image, options: OpenerOptions, seed: number): Opened {
  const recovery: TraceEvent[] = [];
  let opening = true;
  const interceptor: Interceptor = {
    after(event) {
      if (opening) recovery.push(event);
    },
  };
  let mounted: Mounted;
  try {
    // Every open asks for files that are not there, and the stacks of those errors cost more than the calls.
    mounted = withoutStacks(() => mount(image, options, { seed, interceptor }));
  } catch {
    const error = errorOf(() => mount(image, options, { seed }));
    return { recovered: undefined, problem: failed("C1", "open threw", error), layout: "", recovery };
  }
  opening = false;
  const { store, disk } = mounted;
  let recovered: RecoveredSummary | undefined;
  let problem: Failure | undefined;
  let layout = "";
  try {
    recovered = summarise(entriesOf(store));
    layout = layoutOf(disk);
    problem = structureProblem(store, disk, options.contents);
  } catch (error) {
    problem = failed("C8", "a scan behind the open threw", error);
  }
  return { recovered, problem, layout, recovery };
}

function withoutStacks<T>(action: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return action();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

// The same once more, for an error that says where it comes from.
function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return new Error("it threw once, and then no more");
}

/** C15 to C17 of an open store, from its own account and from the bytes on its disk. */
export function structureProblem(store: EngineStore, disk: ImageEnv, contents: ContentStore): Failure | undefined {
  const orphan = store.inspect()[0];
  if (orphan !== undefined) return new Failure("C17", orphan);
  const problem = storeProblems(disk.capture(contents), STORE, { open: true, recycle: true })[0];
  return problem && new Failure(problem.condition, problemText(problem));
}

/** The same of a store that has been closed, from its bytes alone. */
export function closedStructureProblem(disk: ImageEnv, contents: ContentStore): Failure | undefined {
  const problem = storeProblems(disk.capture(contents), STORE, { open: false })[0];
  return problem && new Failure(problem.condition, problemText(problem));
}

/** What the inspector reads out of the files of a store. */
export function readByInspector(disk: ImageEnv, contents: ContentStore): RecoveredSummary {
  const entries = visibleEntries(readStoreContents(disk.capture(contents), STORE));
  return summarise(entries.map(([key, value]) => [keyBytes(key), value]));
}

export function failed(condition: Condition, what: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(condition, `${what}: ${String(error)}`, undefined, { cause: error });
}

// By name and size: contents are the state's, which is told apart already.
function layoutOf(disk: ImageEnv): string {
  const sizes = disk
    .readDirectory(STORE)
    .map((name) => `${name.replace(/\d+/, "")}:${disk.contentsOf(`${STORE}/${name}`)?.length ?? 0}`);
  return sizes.sort().join(" ");
}
