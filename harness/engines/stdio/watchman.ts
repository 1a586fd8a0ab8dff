import { Worker } from "node:worker_threads";

/** An answer takes microseconds, a compaction of a small store seconds; the campaigns' own watchdog is a little slower. */
const HANG_MILLISECONDS = 15_000;

/**
 * Shared with the thread that watches: which process is waited for (0 = none), the number of the wait, the pipe, whether it is
 * read, whom the thread has killed, and for whom it has ended a wait that went on behind that.
 */
const PID = 0;
const WAIT = 1;
const PIPE = 2;
const IS_READ = 3;
const KILLED = 4;
const RELEASED = 5;
const CELLS = 6;

// As a text: it needs no file, so it starts the same from sources and from what was built.
//
// A process that has left the group may still hold the other ends of the pipes: then a call goes on waiting although the driver is
// dead. The thread opens them itself, by the names that Linux gives what is open, and does what the call waits for.
const WATCH = `
const { closeSync, constants, fstatSync, openSync, readSync, writeSync } = require("node:fs");
const { workerData } = require("node:worker_threads");
const { cells, milliseconds } = workerData;
let seen = -1;
let since = 0;
let isKilled = false;
function release(pid) {
  const isRead = Atomics.load(cells, ${IS_READ}) === 1;
  const mode = constants.O_NONBLOCK | (isRead ? constants.O_WRONLY : constants.O_RDONLY);
  Atomics.store(cells, ${RELEASED}, pid);
  let fd;
  try {
    fd = openSync("/proc/self/fd/" + Atomics.load(cells, ${PIPE}), mode);
    // The wait may be over, and the number another file's.
    if (!fstatSync(fd).isFIFO()) return;
    if (isRead) writeSync(fd, "\\n");
    else while (readSync(fd, Buffer.alloc(1 << 16)) > 0);
  } catch (error) {
    // Nothing to read any more, nobody who reads, or a system that has no such names.
    if (!["EAGAIN", "ENXIO", "ENOENT", "EPIPE"].includes(error.code)) throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
setInterval(() => {
  // In the order opposite to begin()'s: a process that is seen here belongs to the wait that is seen next, or to an earlier one.
  const pid = Atomics.load(cells, ${PID});
  const wait = Atomics.load(cells, ${WAIT});
  const now = performance.now();
  if (wait !== seen) {
    seen = wait;
    since = now;
    isKilled = false;
  }
  if (pid === 0 || now - since < milliseconds) return;
  if (isKilled) return release(pid);
  isKilled = true;
  Atomics.store(cells, ${KILLED}, pid);
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}, milliseconds / 20);
`;

/** Kills a process, and its group, that a blocking call waits for in vain: the caller itself cannot, it waits. One for each thread. */
export class Watchman {
  static #shared: Watchman | undefined;
  readonly #cells = new Int32Array(new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT));

  /** That of this thread. How long it waits whoever asks for it first decides: 15,000 when absent. */
  static shared(milliseconds: number = HANG_MILLISECONDS): Watchman {
    return (Watchman.#shared ??= new Watchman(milliseconds));
  }

  constructor(milliseconds: number) {
    new Worker(WATCH, { eval: true, workerData: { cells: this.#cells, milliseconds } }).unref();
  }

  /** A call that waits for `pid` begins, at the pipe with this descriptor. */
  begin(pid: number, pipe: number, direction: "read" | "write"): void {
    Atomics.store(this.#cells, PIPE, pipe);
    Atomics.store(this.#cells, IS_READ, direction === "read" ? 1 : 0);
    Atomics.add(this.#cells, WAIT, 1);
    Atomics.store(this.#cells, PID, pid);
  }

  end(): void {
    Atomics.store(this.#cells, PID, 0);
  }

  /** Whether it was the one that killed this process. */
  killed(pid: number): boolean {
    return Atomics.load(this.#cells, KILLED) === pid;
  }

  /** Whether what can be read from this process is no longer of its own making: somebody else has held its pipe. */
  released(pid: number): boolean {
    return Atomics.load(this.#cells, RELEASED) === pid;
  }
}
