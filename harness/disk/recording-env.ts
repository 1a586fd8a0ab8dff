// An Env around another one that reports each call, and carries out what it is told to instead: the place where faults
// and crashes come in. It knows nothing about disks.

import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "tinykv/env";
import { errnoError } from "./errno-error.ts";
import { callName, type CallKind, type TraceCall, type TraceEvent, type TraceMark } from "./trace.ts";

/**
 * How a call is to fail.
 *
 * - none: nothing is done, then the error.
 * - part: a read or write moves about half, then the error; of one byte nothing. A sync may have made durable any part;
 *   the Env below is not asked. Any other call: as none.
 * - whole: all is done, then the error. What open or lock returned is given back.
 * - short: a read or write of two bytes or more moves half of them and succeeds. Any other call: no fault.
 *
 * close() is always carried out: the system takes a descriptor back whatever it says, so that `applied` is "whole".
 */
export interface Fault {
  readonly outcome: "none" | "part" | "whole" | "short";
  /** An errno name. */
  readonly error: string;
}

/** A call that is about to be made. */
export interface PlannedCall {
  readonly call: CallKind;
  /** callName(): the barrier or the kind. */
  readonly name: string;
  /** Of the file, as it was opened; of rename and link the new one; "" where there is none. */
  readonly path: string;
  /** Asked for by read, write. */
  readonly bytes?: number;
}

export interface Interceptor {
  /** Before each call. A returned fault is carried out in its place; what it throws goes to the caller with nothing done. */
  before?(call: PlannedCall): Fault | undefined;
  /** A call that nothing keeps from being made, as `after` will have it if it succeeds; bytes are the caller's own. */
  begun?(event: TraceCall): void;
  /** After each call, failed ones included; also for marks. What it throws goes to the caller. */
  after?(event: TraceEvent): void;
}

export interface RecordingEnvOptions {
  /**
   * Events of writes have a copy of the bytes (the default), since callers use their buffers again. If false, the
   * caller's buffer: it is right during `after` only.
   */
  readonly keepBytes?: boolean;
}

/**
 * Every call of Env and of its files, reported. Paths stand in events as they were given. An open that fails has a file
 * number too, one that no other event has. The Env below fails as it did without this one, and the event says so.
 *
 * There is no `worker`: a thread would do I/O past the recorder.
 */
export class RecordingEnv implements Env {
  readonly #env: Env;
  readonly #recorder: Recorder;

  constructor(env: Env, interceptor: Interceptor, { keepBytes = true }: RecordingEnvOptions = {}) {
    this.#env = env;
    this.#recorder = new Recorder(interceptor, keepBytes);
  }

  /** Descriptors that were opened and not closed yet. */
  get openFiles(): number {
    return this.#recorder.openFiles;
  }

  mark(mark: TraceMark): void {
    this.#recorder.after(mark);
  }

  open(path: string, mode: OpenMode): FileHandle {
    const file = this.#recorder.nextFile();
    const opened = this.#recorder.run(
      { call: "open", path, mode, file },
      { syscall: "open", path },
      () => this.#env.open(path, mode),
      (handle) => handle.close(),
    );
    this.#recorder.openFiles++;
    return new RecordingFile(this.#recorder, opened, file, path);
  }

  readDirectory(path: string): string[] {
    const target = { syscall: "scandir", path };
    return this.#recorder.run({ call: "readDirectory", path }, target, () => this.#env.readDirectory(path));
  }

  makeDirectory(path: string): void {
    const target = { syscall: "mkdir", path };
    this.#recorder.run({ call: "makeDirectory", path }, target, () => this.#env.makeDirectory(path));
  }

  removeDirectory(path: string): void {
    const target = { syscall: "rmdir", path };
    this.#recorder.run({ call: "removeDirectory", path }, target, () => this.#env.removeDirectory(path));
  }

  stat(path: string): FileStat {
    return this.#recorder.run({ call: "stat", path }, { syscall: "lstat", path }, () => this.#env.stat(path));
  }

  rename(from: string, to: string): void {
    const target = { syscall: "rename", path: to, from };
    this.#recorder.run({ call: "rename", from, to }, target, () => this.#env.rename(from, to));
  }

  link(from: string, to: string): void {
    const target = { syscall: "link", path: to, from };
    this.#recorder.run({ call: "link", from, to }, target, () => this.#env.link(from, to));
  }

  unlink(path: string): void {
    this.#recorder.run({ call: "unlink", path }, { syscall: "unlink", path }, () => this.#env.unlink(path));
  }

  syncDirectory(path: string, barrier: Barrier): void {
    this.#recorder.run({ call: "syncDirectory", path, barrier }, { syscall: "fsync", path }, () =>
      this.#env.syncDirectory(path, barrier),
    );
  }

  lock(path: string): Lock {
    const lock = this.#recorder.run(
      { call: "lock", path },
      { syscall: "lock", path },
      () => this.#env.lock(path),
      (taken) => taken.release(),
    );
    const target = { syscall: "unlock", path };
    return { release: () => this.#recorder.run({ call: "release", path }, target, () => lock.release()) };
  }

  now(): number {
    return this.#recorder.run({ call: "now" }, { syscall: "now" }, () => this.#env.now());
  }

  sleep(milliseconds: number): void {
    this.#recorder.run({ call: "sleep" }, { syscall: "sleep" }, () => this.#env.sleep(milliseconds));
  }

  randomBytes(count: number): Uint8Array {
    const target = { syscall: "getrandom" };
    return this.#recorder.run({ call: "randomBytes", count }, target, () => this.#env.randomBytes(count));
  }
}

/** What an error's message says the call was about. */
interface Target {
  readonly syscall: string;
  readonly path?: string;
  /** Of rename and link the old name. */
  readonly from?: string;
  /** The path is that of an open file, which the system's messages do not know. */
  readonly opened?: boolean;
}

class Recorder {
  readonly keepBytes: boolean;
  openFiles = 0;
  readonly #interceptor: Interceptor;
  #files = 0;
  #syncs = 0;

  constructor(interceptor: Interceptor, keepBytes: boolean) {
    this.#interceptor = interceptor;
    this.keepBytes = keepBytes;
  }

  nextFile(): number {
    return ++this.#files;
  }

  nextSync(): number {
    return ++this.#syncs;
  }

  before(call: PlannedCall): Fault | undefined {
    return this.#interceptor.before?.(call);
  }

  begun(event: TraceCall): void {
    this.#interceptor.begun?.(event);
  }

  after(event: TraceEvent): void {
    this.#interceptor.after?.(event);
  }

  /** A call that moves no bytes. `takeBack` undoes what a call returned that is to fail after it was made. */
  run<T>(event: TraceCall, target: Target, make: () => T, takeBack?: (made: T) => void): T {
    const fault = this.before({ call: event.call, name: callName(event), path: target.path ?? "" });
    if (fault === undefined || fault.outcome === "short") {
      this.begun(event);
      const made = this.#attempt(event, make);
      this.after(event);
      return made;
    }
    const applied = appliedBy(fault.outcome, event.call);
    if (applied === "whole") {
      const made = this.#attempt(event, make);
      takeBack?.(made);
    }
    this.after({ ...event, error: fault.error, applied });
    throw planted(fault, target);
  }

  #attempt<T>(event: TraceCall, make: () => T): T {
    try {
      return make();
    } catch (error) {
      this.after({ ...event, error: codeOf(error), applied: "none" });
      throw error;
    }
  }
}

class RecordingFile implements FileHandle {
  readonly #recorder: Recorder;
  readonly #handle: FileHandle;
  readonly #file: number;
  readonly #path: string;
  #closed = false;

  constructor(recorder: Recorder, handle: FileHandle, file: number, path: string) {
    this.#recorder = recorder;
    this.#handle = handle;
    this.#file = file;
    this.#path = path;
  }

  read(buffer: Uint8Array, position: number): number {
    return this.#move("read", buffer, position);
  }

  write(buffer: Uint8Array, position: number): number {
    return this.#move("write", buffer, position);
  }

  sync(barrier: Barrier): void {
    const event = { call: "sync", file: this.#file, barrier } as const;
    this.#recorder.run(event, this.#target("fdatasync"), () => this.#handle.sync(barrier));
  }

  async syncAsync(barrier: Barrier): Promise<void> {
    const recorder = this.#recorder;
    const sync = recorder.nextSync();
    const begun = recorder.before({ call: "syncBegin", name: barrier, path: this.#path });
    recorder.after({ call: "syncBegin", file: this.#file, barrier, sync });
    let failure: { error: unknown } | undefined;
    try {
      if (begun === undefined || begun.outcome === "whole" || begun.outcome === "short") {
        await this.#handle.syncAsync(barrier);
      } else await Promise.resolve();
    } catch (error) {
      failure = { error };
    }
    const ended = recorder.before({ call: "syncEnd", name: "syncEnd", path: this.#path });
    if (failure) {
      recorder.after({ call: "syncEnd", sync, error: codeOf(failure.error), applied: "none" });
      throw failure.error;
    }
    const fault = begun !== undefined && begun.outcome !== "short" ? begun : ended;
    if (fault === undefined || fault.outcome === "short") {
      recorder.after({ call: "syncEnd", sync });
      return;
    }
    recorder.after({ call: "syncEnd", sync, error: fault.error, applied: fault.outcome });
    throw planted(fault, this.#target("fdatasync"));
  }

  truncate(size: number): void {
    const event = { call: "truncate", file: this.#file, size } as const;
    this.#recorder.run(event, this.#target("ftruncate"), () => this.#handle.truncate(size));
  }

  size(): number {
    return this.#recorder.run({ call: "size", file: this.#file }, this.#target("fstat"), () => this.#handle.size());
  }

  close(): void {
    this.#recorder.run({ call: "close", file: this.#file }, this.#target("close"), () => {
      if (!this.#closed) this.#recorder.openFiles--;
      this.#closed = true;
      this.#handle.close();
    });
  }

  #target(syscall: string): Target {
    return { syscall, path: this.#path, opened: true };
  }

  #move(call: "read" | "write", buffer: Uint8Array, position: number): number {
    const fault = this.#recorder.before({ call, name: call, path: this.#path, bytes: buffer.length });
    const size = fault === undefined ? buffer.length : sizeUnder(fault.outcome, buffer.length);
    const fails = fault !== undefined && fault.outcome !== "short";
    let count = 0;
    if (fault === undefined && call === "write")
      this.#recorder.begun({ call, file: this.#file, position, bytes: buffer });
    if (!fails || fault.outcome === "whole" || size > 0) {
      const part = size === buffer.length ? buffer : buffer.subarray(0, size);
      try {
        count = call === "read" ? this.#handle.read(part, position) : this.#handle.write(part, position);
      } catch (error) {
        const event = this.#moved(call, buffer, position, 0);
        this.#recorder.after({ ...event, error: codeOf(error), applied: "none" });
        throw error;
      }
    }
    const event = this.#moved(call, buffer, position, count);
    if (!fails) {
      const isShort = call === "write" && count < buffer.length;
      this.#recorder.after(isShort ? { ...event, applied: "part" } : event);
      return count;
    }
    const applied = appliedBytes(call, fault.outcome, size, count, buffer.length);
    this.#recorder.after({ ...event, error: fault.error, applied });
    throw planted(fault, this.#target(call));
  }

  #moved(call: "read" | "write", buffer: Uint8Array, position: number, count: number): TraceCall {
    if (call === "read") return { call, file: this.#file, position, count };
    const taken = count === buffer.length ? buffer : buffer.subarray(0, count);
    return { call, file: this.#file, position, bytes: this.#recorder.keepBytes ? new Uint8Array(taken) : taken };
  }
}

type Applied = "none" | "part" | "whole";

/** What of a call without bytes a fault leaves done. */
function appliedBy(outcome: Applied, call: CallKind): Applied {
  if (call === "close") return "whole";
  if (outcome === "part") return call === "sync" || call === "syncDirectory" ? "part" : "none";
  return outcome;
}

function appliedBytes(call: "read" | "write", outcome: Fault["outcome"], size: number, count: number, asked: number) {
  if (outcome === "none" || (outcome === "part" && size === 0)) return "none";
  if (call === "read") return outcome === "whole" ? "whole" : "part"; // at the end of a file the whole may be nothing
  if (count === asked) return "whole";
  return count === 0 ? "none" : "part";
}

/** How many of `length` bytes the Env below is asked to move. */
function sizeUnder(outcome: Fault["outcome"], length: number): number {
  if (outcome === "whole") return length;
  if (outcome === "none") return 0;
  if (length < 2) return outcome === "short" ? length : 0;
  return length >> 1;
}

function planted(fault: Fault, { syscall, path, from, opened }: Target): Error {
  if (opened === true) return errnoError(fault.error, syscall);
  return from === undefined ? errnoError(fault.error, syscall, path) : errnoError(fault.error, syscall, from, path);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "UNKNOWN";
}
