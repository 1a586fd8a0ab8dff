import { Worker } from "node:worker_threads";

/** An answer takes microseconds, a compaction of a small store seconds; the campaigns' own watchdog is a little slower. */
const HANG_MILLISECONDS = 15_000;

/** Shared with the thread that watches: which process is waited for (0 = none), the number of the wait, whom it has killed. */
const PID = 0;
const WAIT = 1;
const KILLED = 2;
const CELLS = 3;

// As a text: it needs no file, so it starts the same from sources and from what was built.
const WATCH = `
const { workerData } = require("node:worker_threads");
const { cells, milliseconds } = workerData;
let seen = -1;
let since = 0;
setInterval(() => {
  // In the order opposite to begin()'s: a process that is seen here belongs to the wait that is seen next, or to an earlier one.
  const pid = Atomics.load(cells, ${PID});
  const wait = Atomics.load(cells, ${WAIT});
  const now = performance.now();
  if (wait !== seen) {
    seen = wait;
    since = now;
  }
  if (pid === 0 || now - since < milliseconds) return;
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

  static shared(): Watchman {
    return (Watchman.#shared ??= new Watchman(HANG_MILLISECONDS));
  }

  constructor(milliseconds: number) {
    new Worker(WATCH, { eval: true, workerData: { cells: this.#cells, milliseconds } }).unref();
  }

  /** A call that waits for `pid` begins. */
  begin(pid: number): void {
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
}
