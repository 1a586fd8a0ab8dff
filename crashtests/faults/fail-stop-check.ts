// C20, read off a trace: after a failed sync nothing is tried again.
//
//   a file whose sync failed is synced by nobody any more, in no session, as long as it exists
//   once a sync of a store's log, manifest, CURRENT or directory has failed, that store changes nothing until its lock is
//   given up
//
// A file is followed through renames and links; a descriptor stays with its file.

import { posix } from "node:path";
import type { TraceCall, TraceEvent } from "tinykv/harness";

/** One life of a file. */
interface Life {
  readonly path: string;
  failed: string | undefined;
}

/** A store while somebody has its lock. */
interface Session {
  failed: string | undefined;
}

/** Everything that is wrong with a whole trace; empty when nothing is. */
export function failStopProblems(trace: Iterable<TraceEvent>): readonly string[] {
  const check = new FailStopCheck();
  for (const event of trace) check.note(event);
  return check.problems;
}

export class FailStopCheck {
  readonly problems: string[] = [];
  readonly #lives = new Map<string, Life>();
  readonly #files = new Map<number, Life>();
  /** Asynchronous ones under way. */
  readonly #syncs = new Map<number, { readonly life: Life; readonly barrier: string }>();
  readonly #sessions = new Map<string, Session>();

  /** Whether a sync has failed in the store of this directory that must have stopped it. */
  isStopped(directory: string): boolean {
    return this.#sessions.get(directory)?.failed !== undefined;
  }

  /** What the next process is judged by after a kill: what failed to sync stays so, nobody has a lock. */
  afterKill(): FailStopCheck {
    const next = new FailStopCheck();
    const copies = new Map<Life, Life>();
    for (const [path, life] of this.#lives) {
      const copy = copies.get(life) ?? { ...life };
      copies.set(life, copy);
      next.#lives.set(path, copy);
    }
    return next;
  }

  note(event: TraceEvent): void {
    if (!("call" in event)) return;
    const done = event.error === undefined || event.applied === "part" || event.applied === "whole";
    switch (event.call) {
      case "lock":
        if (event.error === undefined) this.#sessions.set(posix.dirname(event.path), { failed: undefined });
        return;
      case "release":
        this.#sessions.delete(posix.dirname(event.path));
        return;
      case "sync":
        return this.#sync(event);
      case "syncBegin": {
        const life = this.#begin(event);
        if (life) this.#syncs.set(event.sync, { life, barrier: event.barrier });
        return;
      }
      case "syncEnd": {
        const begun = this.#syncs.get(event.sync);
        this.#syncs.delete(event.sync);
        if (begun && event.error !== undefined) this.#syncFailed(begun.life, begun.barrier);
        return;
      }
      case "syncDirectory":
        return this.#syncDirectory(event);
      case "open":
        if (event.mode === "wx") this.#expectRunning(event.path, "creates");
        if (done) this.#open(event);
        return;
      case "write":
        return this.#expectRunning(this.#files.get(event.file)?.path ?? "", "writes");
      case "truncate":
        return this.#expectRunning(this.#files.get(event.file)?.path ?? "", "truncates");
      case "unlink":
        this.#expectRunning(event.path, "unlinks");
        if (done) this.#lives.delete(event.path);
        return;
      case "rename":
        this.#expectRunning(event.to, "renames to");
        if (done) this.#rename(event.from, event.to);
        return;
      case "link": {
        const life = this.#lives.get(event.from);
        if (done && life) this.#lives.set(event.to, life);
        return;
      }
      default:
        return;
    }
  }

  #open({ path, mode, file }: Extract<TraceCall, { call: "open" }>): void {
    let life = mode === "wx" ? undefined : this.#lives.get(path);
    if (!life) {
      life = { path, failed: undefined };
      this.#lives.set(path, life);
    }
    this.#files.set(file, life);
  }

  #rename(from: string, to: string): void {
    const moved = [...this.#lives].filter(([path]) => path === from || path.startsWith(`${from}/`));
    for (const [path, life] of moved) {
      this.#lives.delete(path);
      this.#lives.set(to + path.slice(from.length), life);
    }
  }

  #sync(event: Extract<TraceCall, { call: "sync" }>): void {
    const life = this.#begin(event);
    if (life && event.error !== undefined) this.#syncFailed(life, event.barrier);
  }

  // The file of a sync that begins.
  #begin({ file, barrier }: Extract<TraceCall, { call: "sync" | "syncBegin" }>): Life | undefined {
    const life = this.#files.get(file);
    if (!life) return undefined;
    if (life.failed !== undefined) this.#problem(`${barrier} syncs ${life.path} although ${life.failed} failed for it`);
    this.#expectRunning(life.path, `syncs (${barrier})`);
    return life;
  }

  #syncFailed(life: Life, barrier: string): void {
    life.failed = barrier;
    const name = posix.basename(life.path);
    if (!name.endsWith(".sst")) this.#stop(posix.dirname(life.path), barrier);
  }

  #syncDirectory({ path, barrier, error }: Extract<TraceCall, { call: "syncDirectory" }>): void {
    this.#expectRunning(posix.join(path, "."), `syncs (${barrier})`, path);
    if (error !== undefined) this.#stop(path, barrier);
  }

  #stop(directory: string, barrier: string): void {
    const session = this.#sessions.get(directory);
    if (session) session.failed ??= barrier;
  }

  #expectRunning(path: string, does: string, directory: string = posix.dirname(path)): void {
    const failed = this.#sessions.get(directory)?.failed;
    if (failed !== undefined) this.#problem(`a store ${does} ${path} although ${failed} failed before`);
  }

  #problem(problem: string): void {
    if (!this.problems.includes(problem)) this.problems.push(problem);
  }
}
