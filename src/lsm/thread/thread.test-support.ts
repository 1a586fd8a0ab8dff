// What the tests of thread mode share. The store runs from source; its worker thread, as all threads, from dist/.

import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setEnvironmentData } from "node:worker_threads";
import { afterEach, beforeEach } from "vitest";
import type { Comparator } from "../../common/comparator.ts";
import type { FileHandle, OpenMode } from "../../util/env.ts";
import { systemError } from "../../util/system-error.ts";
import { NodeEnv } from "../../util/node-env.ts";
import { open, type Database } from "../database.ts";
import { SMALL } from "../engine.test-support.ts";
import type { Logger } from "../logger.ts";
import type { Options } from "../options.ts";

/** In memory where there is such a file system: the tests wait for threads, not for disks. */
const FAST = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

const DIST = new URL("../../../dist/src/lsm/thread/", import.meta.url);

/** The words of testdata/faulty-worker.ts, which is not imported here: it would serve this thread. */
const FAULT_WORDS = {
  noSpace: 0,
  directorySync: 1,
  hang: 2,
  exit: 3,
  slow: 4,
  writes: 5,
  written: 6,
  noDescriptor: 7,
} as const;
export type Fault = keyof typeof FAULT_WORDS;

export class ThreadEnv extends NodeEnv {
  override readonly worker: URL;
  /** Every sleep of the store's own thread. */
  readonly sleeps: number[] = [];
  /** How much faster its clock goes. */
  haste = 1;
  /** Whether writes to logs fail. */
  failLogs = false;
  /** Called behind each sync of a manifest. */
  onCommit: () => void = () => undefined;

  constructor(module: string = "worker-main.js") {
    super();
    this.worker = new URL(module, DIST);
  }

  override now(): number {
    return Math.floor(super.now() * this.haste);
  }

  override open(path: string, mode: OpenMode): FileHandle {
    const file = super.open(path, mode);
    if (path.includes("MANIFEST")) {
      const sync = file.sync.bind(file);
      file.sync = (barrier) => {
        sync(barrier);
        this.onCommit();
      };
    }
    if (!path.endsWith(".log")) return file;
    const write = file.write.bind(file);
    file.write = (buffer, position) => {
      if (this.failLogs) throw systemError("EBUSY", "write", path);
      return write(buffer, position);
    };
    return file;
  }

  override sleep(milliseconds: number): void {
    this.sleeps.push(milliseconds);
    super.sleep(milliseconds);
  }
}

/** A world whose worker thread misbehaves. */
export class FaultyThreadEnv extends ThreadEnv {
  readonly #words = new Int32Array(new SharedArrayBuffer(4 * Object.keys(FAULT_WORDS).length));

  constructor() {
    super(`testdata/faulty-worker.js?${++faultyEnvs}`);
    setEnvironmentData("tinykv-test-faults", this.#words.buffer);
  }

  set(fault: Fault, times: number): void {
    Atomics.store(this.#words, FAULT_WORDS[fault], times);
  }

  /** Waits until the thread has begun so many writes to tables. */
  untilWrites(count: number): void {
    const end = Date.now() + 20_000;
    for (let seen = this.writes; seen < count; seen = this.writes) {
      if (Date.now() > end) throw new Error(`the thread has begun ${seen} writes only`);
      Atomics.wait(this.#words, FAULT_WORDS.writes, seen, 100);
    }
  }

  /** Writes to tables that the thread is in the middle of. */
  get writesUnderWay(): number {
    return this.writes - Atomics.load(this.#words, FAULT_WORDS.written);
  }

  /** Writes to tables that the thread has begun. */
  get writes(): number {
    return Atomics.load(this.#words, FAULT_WORDS.writes);
  }
}

/** A module for a thread or a comparator, from its text. */
export function moduleOf(text: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`);
}

/** A logger that keeps the warnings. */
export function warnings(): { told: string[]; logger: Logger } {
  const told: string[] = [];
  return { told, logger: { info: () => undefined, warn: (line) => told.push(line), error: () => undefined } };
}

/** Byte order, backwards; a thread finds it in its module, which may do something else first. */
export function reverse(before: string = ""): Comparator {
  const text = `${before}; export default { name: "test.reverse", compare: (a, b) => Buffer.compare(b, a) };`;
  return { name: "test.reverse", compare: (a, b) => Buffer.compare(b, a), module: moduleOf(text) };
}

let faultyEnvs = 0;
let scratch = "";
const opened: Database[] = [];

/** A fresh directory for each test; what it opened is closed after it. */
export function useScratch(): void {
  beforeEach(() => {
    scratch = mkdtempSync(join(FAST, "tinykv-thread-"));
  });
  afterEach(() => {
    for (const db of opened.splice(0)) db.close();
    rmSync(scratch, { recursive: true, force: true });
  });
}

export function storePath(name: string = "db"): string {
  return join(scratch, name);
}

/** A small store whose jobs a thread does. */
export function openThreaded(options: Options = {}, name?: string): Database {
  const env = options.env ?? new ThreadEnv();
  const db = open(storePath(name), { ...SMALL, sync: false, background: "thread", ...options, env });
  opened.push(db);
  return db;
}

/** The tables in the directory, and those that the store knows. */
export function tables(db: Database): { onDisk: number; live: number } {
  const onDisk = readdirSync(db.path).filter((name) => name.endsWith(".sst")).length;
  return { onDisk, live: db.stats().levels.reduce((sum, level) => sum + level.tables, 0) };
}

/** Waits, in turns of the event loop alone, until something holds. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Calls until nothing is left to do. */
export function drain(db: Database): void {
  while (db.runBackgroundStep());
}
