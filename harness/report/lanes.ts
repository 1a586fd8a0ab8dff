// What a trace did to each file and directory, over time: what was pending from when to when, and which sync ended that. The
// simulated disk knows what a crash may leave; this knows how it came about.

import { posix } from "node:path";
import type { CrashScene, CrashStory } from "../crash/crash-story.ts";
import type { Trace, TraceCall } from "../disk/trace.ts";

export type MarkKind = "create" | "write" | "truncate" | "sync" | "failed" | "rename" | "link" | "unlink";

/** Something that happened to a file or a directory's list, at a place of the trace. */
export interface Mark {
  readonly at: number;
  readonly kind: MarkKind;
}

/** From one place of the trace to another; without `to` to the end of the life. */
export interface Span {
  readonly from: number;
  readonly to?: number;
}

/** A file, under whatever names it had, or a directory. */
export interface Lane {
  /** The last one. */
  readonly path: string;
  /** The one that it was renamed from in this life. */
  readonly formerly?: string;
  readonly isDirectory: boolean;
  readonly marks: readonly Mark[];
  /** Something was pending. */
  readonly pending: readonly Span[];
  /** It had a name. */
  readonly named: readonly Span[];
}

/** One life of a store. */
export interface LifeLanes {
  /** In the order in which they were first touched; those that nothing happened to are left out. */
  readonly lanes: readonly Lane[];
  /** For each event that made something pending: the sync that made it durable. */
  readonly durableBy: ReadonlyMap<number, number>;
}

interface MutableLane {
  path: string;
  formerly?: string;
  readonly isDirectory: boolean;
  marks: Mark[];
  pending: { from: number; to?: number }[];
  named: { from: number; to?: number }[];
  /** Events whose work is pending. */
  waiting: number[];
  /** A sync failed: some of it stays pending, whatever is synced. */
  hasFailed: boolean;
}

/** The lanes of each life of a story. */
export function lanesOf({ lives }: CrashStory, trace: Trace): LifeLanes[] {
  const disk = new LaneDisk();
  return lives.map(({ from, to, crash }) => {
    disk.begin(from);
    for (let i = from; i < to; i++) {
      const event = trace[i]!;
      if ("call" in event) disk.apply(event, i);
    }
    return disk.end(crash);
  });
}

class LaneDisk {
  #lanes = new Set<MutableLane>();
  readonly #byPath = new Map<string, MutableLane>();
  readonly #byFile = new Map<number, MutableLane>();
  readonly #asyncSyncs = new Map<number, { lane: MutableLane; events: ReadonlySet<number> }>();
  #durableBy = new Map<number, number>();
  /** In how many lanes an event's work is pending: a rename's in two, if it leads from one directory to another. */
  readonly #pendingIn = new Map<number, number>();

  begin(at: number): void {
    this.#durableBy = new Map();
    this.#byFile.clear();
    this.#asyncSyncs.clear();
    this.#lanes = new Set(this.#byPath.values());
    for (const lane of this.#lanes) {
      delete lane.formerly;
      lane.marks = [];
      lane.named = [{ from: at }];
      lane.pending = lane.waiting.length > 0 || lane.hasFailed ? [{ from: at }] : [];
    }
  }

  end(crash: CrashScene | undefined): LifeLanes {
    const lanes = [...this.#lanes].filter(({ marks, pending }) => marks.length + pending.length > 0);
    const life = { lanes: lanes.map(asItStands), durableBy: this.#durableBy };
    if (crash?.loss === "power") this.#mount(crash);
    return life;
  }

  apply(call: TraceCall, at: number): void {
    if (call.call === "sync" || call.call === "syncDirectory" || call.call === "syncEnd") return this.#sync(call, at);
    if (call.error !== undefined && call.applied !== "part" && call.applied !== "whole") return;
    switch (call.call) {
      case "open":
        if (call.mode === "wx") this.#create(call.path, at);
        if (this.#byPath.has(call.path)) this.#byFile.set(call.file, this.#byPath.get(call.path)!);
        return;
      case "lock":
        if (!this.#byPath.has(call.path)) this.#create(call.path, at);
        return;
      case "write":
      case "truncate":
        return this.#mark(this.#byFile.get(call.file), call.call, at);
      case "syncBegin":
        return this.#syncBegin(call);
      case "makeDirectory":
        this.#directory(call.path, at);
        return this.#mark(this.#directory(posix.dirname(call.path), at), "create", at);
      case "removeDirectory":
      case "unlink":
        return this.#unlink(call.path, at);
      case "rename":
        return this.#rename(call.from, call.to, at);
      case "link":
        return this.#mark(this.#directory(posix.dirname(call.to), at), "link", at);
      default:
    }
  }

  #create(path: string, at: number): void {
    this.#byPath.delete(path);
    const lane = this.#lane(path, { isDirectory: false, at });
    lane.marks.push({ at, kind: "create" });
    this.#mark(this.#directory(posix.dirname(path), at), "create", at);
  }

  #unlink(path: string, at: number): void {
    this.#endName(path, at);
    this.#mark(this.#directory(posix.dirname(path), at), "unlink", at);
  }

  #rename(from: string, to: string, at: number): void {
    const lane = this.#byPath.get(from);
    if (lane && lane === this.#byPath.get(to)) return;
    this.#endName(to, at);
    this.#byPath.delete(from);
    if (lane) {
      lane.marks.push({ at, kind: "rename" });
      lane.formerly = from;
      this.#move(lane, to);
      const inside = [...this.#byPath].filter(([path]) => path.startsWith(`${from}/`));
      for (const [path] of inside) this.#byPath.delete(path);
      for (const [path, child] of inside) this.#move(child, to + path.slice(from.length));
    }
    const [source, target] = [posix.dirname(from), posix.dirname(to)];
    if (source !== target) this.#mark(this.#directory(source, at), "rename", at);
    this.#mark(this.#directory(target, at), "rename", at);
  }

  #move(lane: MutableLane, to: string): void {
    lane.path = to;
    this.#byPath.set(to, lane);
  }

  #endName(path: string, at: number): void {
    const lane = this.#byPath.get(path);
    if (!lane) return;
    lane.marks.push({ at, kind: "unlink" });
    lane.named.at(-1)!.to = at;
    const open = lane.pending.at(-1);
    if (open && open.to === undefined) open.to = at;
    this.#byPath.delete(path);
  }

  // Something is pending from now on.
  #mark(lane: MutableLane | undefined, kind: MarkKind, at: number): void {
    if (!lane) return;
    lane.marks.push({ at, kind });
    lane.waiting.push(at);
    this.#pendingIn.set(at, (this.#pendingIn.get(at) ?? 0) + 1);
    if (lane.pending.length === 0 || lane.pending.at(-1)!.to !== undefined) lane.pending.push({ from: at });
  }

  #syncBegin({ file, sync }: Extract<TraceCall, { call: "syncBegin" }>): void {
    const lane = this.#byFile.get(file);
    if (lane) this.#asyncSyncs.set(sync, { lane, events: new Set(lane.waiting) });
  }

  #sync(call: Extract<TraceCall, { call: "sync" | "syncDirectory" | "syncEnd" }>, at: number): void {
    const begun = call.call === "syncEnd" ? this.#asyncSyncs.get(call.sync) : undefined;
    const lane = begun?.lane ?? this.#synced(call);
    if (!lane) return;
    const isFailed = call.error !== undefined;
    lane.marks.push({ at, kind: isFailed ? "failed" : "sync" });
    // What a sync failed to write, no later one writes.
    const events = begun ? lane.waiting.filter((event) => begun.events.has(event)) : lane.waiting;
    lane.waiting = lane.waiting.filter((event) => !events.includes(event));
    if (isFailed) {
      lane.hasFailed ||= events.length > 0;
      return;
    }
    for (const event of events) {
      const elsewhere = this.#pendingIn.get(event)! - 1;
      this.#pendingIn.set(event, elsewhere);
      if (elsewhere === 0) this.#durableBy.set(event, at);
    }
    const open = lane.pending.at(-1);
    if (open && open.to === undefined && lane.waiting.length === 0 && !lane.hasFailed) open.to = at;
  }

  #synced(call: Extract<TraceCall, { call: "sync" | "syncDirectory" | "syncEnd" }>): MutableLane | undefined {
    if (call.call === "sync") return this.#byFile.get(call.file);
    const lane = call.call === "syncDirectory" ? this.#byPath.get(call.path) : undefined;
    return lane?.isDirectory === true ? lane : undefined;
  }

  #directory(path: string, at: number): MutableLane {
    return this.#byPath.get(path) ?? this.#lane(path, { isDirectory: true, at });
  }

  #lane(path: string, { isDirectory, at }: { readonly isDirectory: boolean; readonly at: number }): MutableLane {
    const lane = { path, isDirectory, marks: [], pending: [], named: [{ from: at }], waiting: [], hasFailed: false };
    this.#lanes.add(lane);
    this.#byPath.set(path, lane);
    return lane;
  }

  // The machine starts again: what is there is durable.
  #mount({ files }: CrashScene): void {
    const left = new Set(files.flatMap(({ path, left }) => (left === undefined ? [] : [path])));
    for (const [path, lane] of this.#byPath) {
      lane.waiting = [];
      lane.hasFailed = false;
      if (!lane.isDirectory && !left.has(path)) this.#byPath.delete(path);
      left.delete(path);
    }
    for (const path of left) this.#lane(path, { isDirectory: false, at: 0 });
  }
}

// The next life goes on with the same objects.
function asItStands({ path, formerly, isDirectory, marks, pending, named }: MutableLane): Lane {
  return { path, isDirectory, marks, pending, named, ...(formerly !== undefined && { formerly }) };
}
