// An Env that fails on demand: before a call is made, after it was made, or by taking less than it was given. It counts
// what is open, so that a test can ask whether a failing path gave everything back.

import { basename } from "node:path";
import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "../util/env.ts";

export type CallKind =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "syncAsync"
  | "close"
  | "size"
  | "readDirectory"
  | "makeDirectory"
  | "removeDirectory"
  | "stat"
  | "rename"
  | "link"
  | "unlink"
  | "syncDirectory"
  | "lock";

/** One system call; `file` is the last part of its path, for a rename or link of the new one. */
export interface Call {
  readonly kind: CallKind;
  readonly file: string;
  readonly mode?: OpenMode;
  readonly barrier?: Barrier;
}

/** `short`: the first write or read takes only so many bytes and succeeds; what comes behind it fails. */
export interface Fault {
  readonly errno: string;
  readonly after?: boolean;
  readonly short?: number;
}

interface Rule {
  readonly matches: (call: Call) => boolean;
  readonly fault: Fault;
  left: number;
  shortened: boolean;
}

export class FaultyEnv implements Env {
  /** Every call since the last clear, refused ones included. */
  calls: Call[] = [];
  openHandles = 0;
  locksHeld = 0;
  /** What a syncAsync waits for once it is made. */
  holdSyncAsync: () => Promise<void> = () => Promise.resolve();
  readonly #env: Env;
  #rules: Rule[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  /** Calls that match fail, `times` of them. */
  fail(matches: (call: Call) => boolean, fault: Fault | string, times: number = Number.POSITIVE_INFINITY): void {
    const wanted = typeof fault === "string" ? { errno: fault } : fault;
    this.#rules.push({ matches, fault: wanted, left: times, shortened: false });
  }

  /** From the nth call from now on (0 is the next), `times` calls fail. */
  failFrom(nth: number, fault: Fault | string, times: number = Number.POSITIVE_INFINITY): void {
    let seen = 0;
    this.fail(() => seen++ >= nth, fault, times);
  }

  /** Nothing fails any more. */
  heal(): void {
    this.#rules = [];
  }

  get isSpent(): boolean {
    return this.#rules.every((rule) => rule.left === 0);
  }

  open(path: string, mode: OpenMode): FileHandle {
    const file = basename(path);
    const opened = this.run(
      { kind: "open", file, mode },
      () => this.#env.open(path, mode),
      (handle) => handle.close(),
    );
    this.openHandles++;
    return new FaultyFile(this, opened, file);
  }

  readDirectory(path: string): string[] {
    return this.run({ kind: "readDirectory", file: basename(path) }, () => this.#env.readDirectory(path));
  }

  makeDirectory(path: string): void {
    this.run({ kind: "makeDirectory", file: basename(path) }, () => this.#env.makeDirectory(path));
  }

  removeDirectory(path: string): void {
    this.run({ kind: "removeDirectory", file: basename(path) }, () => this.#env.removeDirectory(path));
  }

  stat(path: string): FileStat {
    return this.run({ kind: "stat", file: basename(path) }, () => this.#env.stat(path));
  }

  rename(from: string, to: string): void {
    this.run({ kind: "rename", file: basename(to) }, () => this.#env.rename(from, to));
  }

  link(from: string, to: string): void {
    this.run({ kind: "link", file: basename(to) }, () => this.#env.link(from, to));
  }

  unlink(path: string): void {
    this.run({ kind: "unlink", file: basename(path) }, () => this.#env.unlink(path));
  }

  syncDirectory(path: string, barrier: Barrier): void {
    this.run({ kind: "syncDirectory", file: basename(path), barrier }, () => this.#env.syncDirectory(path, barrier));
  }

  lock(path: string): Lock {
    const lock = this.run(
      { kind: "lock", file: basename(path) },
      () => this.#env.lock(path),
      (taken) => taken.release(),
    );
    this.locksHeld++;
    let held = true;
    return {
      release: () => {
        lock.release();
        if (held) this.locksHeld--;
        held = false;
      },
    };
  }

  now(): number {
    return this.#env.now();
  }

  sleep(milliseconds: number): void {
    this.#env.sleep(milliseconds);
  }

  randomBytes(count: number): Uint8Array {
    return this.#env.randomBytes(count);
  }

  /** @internal Makes a call unless it is to fail; what it made is taken back by `undo` when it fails afterwards. */
  run<T>(call: Call, make: () => T, undo: (made: T) => void = () => undefined): T {
    this.beforeCall();
    this.calls.push(call);
    const rule = this.#ruleFor(call);
    if (!rule) return make();
    rule.left--;
    // A descriptor is gone after close(), whatever close() says.
    if (rule.fault.after === true || call.kind === "close") undo(make());
    throw failure(rule.fault.errno, call);
  }

  /** For worlds in which something else happens between two calls. */
  protected beforeCall(): void {
    // Nothing does here.
  }

  /** @internal How many bytes a read or write may move: all, unless it is to be cut short. */
  mostBytes(call: Call, length: number): number {
    const rule = this.#rules.find(({ left, shortened, fault, matches }) => {
      return left > 0 && !shortened && fault.short !== undefined && matches(call);
    });
    if (!rule) return length;
    rule.shortened = true;
    return Math.min(length, rule.fault.short!);
  }

  #ruleFor(call: Call): Rule | undefined {
    return this.#rules.find(({ left, shortened, fault, matches }) => {
      return left > 0 && (shortened || fault.short === undefined) && matches(call);
    });
  }
}

class FaultyFile implements FileHandle {
  readonly #env: FaultyEnv;
  readonly #file: FileHandle;
  readonly #name: string;
  #open = true;

  constructor(env: FaultyEnv, file: FileHandle, name: string) {
    this.#env = env;
    this.#file = file;
    this.#name = name;
  }

  read(buffer: Uint8Array, position: number): number {
    const call: Call = { kind: "read", file: this.#name };
    const most = this.#env.mostBytes(call, buffer.length);
    if (most < buffer.length) return this.#file.read(buffer.subarray(0, most), position);
    return this.#env.run(call, () => this.#file.read(buffer, position));
  }

  write(buffer: Uint8Array, position: number): number {
    const call: Call = { kind: "write", file: this.#name };
    const most = this.#env.mostBytes(call, buffer.length);
    if (most < buffer.length) return this.#file.write(buffer.subarray(0, most), position);
    return this.#env.run(call, () => this.#file.write(buffer, position));
  }

  sync(barrier: Barrier): void {
    this.#env.run({ kind: "sync", file: this.#name, barrier }, () => this.#file.sync(barrier));
  }

  async syncAsync(barrier: Barrier): Promise<void> {
    try {
      await this.#env.run({ kind: "syncAsync", file: this.#name, barrier }, () => this.#file.syncAsync(barrier));
    } finally {
      await this.#env.holdSyncAsync();
    }
  }

  truncate(size: number): void {
    this.#file.truncate(size);
  }

  size(): number {
    return this.#env.run({ kind: "size", file: this.#name }, () => this.#file.size());
  }

  close(): void {
    if (this.#open) this.#env.openHandles--;
    this.#open = false;
    this.#env.run({ kind: "close", file: this.#name }, () => this.#file.close());
  }
}

function failure(errno: string, { kind, file }: Call): Error {
  return Object.assign(new Error(`${errno}: planted, ${kind} '${file}'`), { code: errno, syscall: kind });
}
