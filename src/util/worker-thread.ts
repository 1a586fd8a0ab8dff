// A thread that works for this process: one a module, shared by everybody who joins, started with the first and ended
// some time after the last. Its pulse, two words of shared memory, shows that it is alive even to a caller that never
// returns to the event loop, which is where Node tells of a thread that died.
//
//   word  meaning
//     0   beats: the thread counts them up, for the first time when its modules are loaded, then while it works
//     1   commands: whoever tells the thread something counts it up afterwards and wakes it
//
// The life of a thread: joined → left by all → retired, when the event loop has turned and nobody has joined within
// LINGER → it ends itself. Only a thread that does not answer is terminated. Node leaves open what its module loader was
// reading in a thread that is terminated meanwhile; one that ends itself does so behind its imports.
//
// Timers of its own, past Env: there is a thread only where Env names a worker, which nothing that replays a seed does. They say
// when a thread ends, shows that it lives or gives up an import. None says what is written, or in which order.

import {
  parentPort,
  receiveMessageOnPort,
  Worker,
  workerData,
  type MessagePort,
  type Transferable,
} from "node:worker_threads";

export const BEATS = 0;
export const COMMANDS = 1;
const PULSE_WORDS = 2;

/**
 * Milliseconds that a thread without a member waits for the next: a start takes thirty or more, and a thread that ended is
 * reaped by the event loop alone, so it is also there that it is let go.
 */
const LINGER = 1_000;

/** A retired thread that has not ended itself after so many milliseconds is terminated, whatever it is loading. */
const END_MOST = 10_000;

/** While an import is under way the thread beats every so many milliseconds. */
const BEAT_EVERY = 250;

/** The message that tells a retired thread to end. */
const END = "end";

/** What a thread is started with. */
interface Start {
  readonly pulse: SharedArrayBuffer;
}

export class WorkerThread {
  static readonly #threads = new Map<string, WorkerThread>();

  readonly #words = new Int32Array(new SharedArrayBuffer(PULSE_WORDS * 4));
  readonly #module: string;
  readonly #worker: Worker;
  readonly #members = new Set<(failure: Error) => void>();
  #failure: Error | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** The thread of that module, with one member more; `onDeath` is called, from the event loop, if it dies too early. */
  static join(module: URL, onDeath: (failure: Error) => void): WorkerThread {
    const { href } = module;
    let thread = WorkerThread.#threads.get(href);
    if (!thread) {
      thread = new WorkerThread(module);
      WorkerThread.#threads.set(href, thread);
    }
    clearTimeout(thread.#timer);
    thread.#members.add(onDeath);
    return thread;
  }

  private constructor(module: URL) {
    this.#module = module.href;
    const start: Start = { pulse: this.#words.buffer };
    // Not the flags of the process: with --input-type, for one, no thread could start from a file.
    this.#worker = new Worker(module, { workerData: start, name: "tinykv", execArgv: [] });
    // It never keeps the process from ending.
    this.#worker.unref();
    this.#worker.on("error", (error) => this.#die(error));
    this.#worker.on("exit", (code) => {
      clearTimeout(this.#timer);
      this.#die(new Error(`the thread ended with code ${code}`));
    });
  }

  /** Why nobody may count on it any more; undefined while it is thought alive. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** 0 until its modules are loaded. */
  get beats(): number {
    return Atomics.load(this.#words, BEATS);
  }

  tell(message: unknown, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
    this.wake();
  }

  /** Makes it look at its shared memory. */
  wake(): void {
    Atomics.add(this.#words, COMMANDS, 1);
    Atomics.notify(this.#words, COMMANDS);
  }

  /** Without a member the thread ends, unless somebody joins soon. */
  leave(onDeath: (failure: Error) => void): void {
    this.#members.delete(onDeath);
    if (this.#members.size > 0 || this.#failure) return;
    this.#after(LINGER, () => this.#retire());
  }

  /** It does not answer: it is ended, at the latest when the system call that it is in returns; all members are told. */
  giveUp(failure: Error): void {
    this.#die(failure);
  }

  #die(failure: Error): void {
    if (this.#failure) return;
    const members = [...this.#members];
    this.#forget(failure);
    void this.#worker.terminate();
    for (const onDeath of members) onDeath(failure);
  }

  #retire(): void {
    this.#forget(new Error("the thread has ended"));
    this.tell(END);
    this.#after(END_MOST, () => void this.#worker.terminate());
  }

  // Nobody joins it any more.
  #forget(failure: Error): void {
    this.#failure = failure;
    if (WorkerThread.#threads.get(this.#module) === this) WorkerThread.#threads.delete(this.#module);
  }

  #after(milliseconds: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, milliseconds).unref();
  }
}

/** The thread's own end of it. */
export class ThreadSelf {
  readonly pulse: Int32Array;
  readonly #port: MessagePort;
  #imports = 0;
  #isToEnd = false;

  /** For code that WorkerThread started, once its modules are loaded: it beats. Anywhere else it throws. */
  constructor() {
    const start = workerData as Partial<Start> | undefined;
    if (!parentPort || !(start?.pulse instanceof SharedArrayBuffer)) throw new Error("this is no thread of a store");
    this.#port = parentPort;
    this.pulse = new Int32Array(start.pulse);
    this.beat();
  }

  beat(): void {
    Atomics.add(this.pulse, BEATS, 1);
  }

  get commands(): number {
    return Atomics.load(this.pulse, COMMANDS);
  }

  /** Waits for a command beyond `seen`, but not for longer. */
  waitForCommand(seen: number, milliseconds: number): void {
    Atomics.wait(this.pulse, COMMANDS, seen, milliseconds);
  }

  /** Told from the event loop; the thread lives until it is told to end. */
  listen(listener: (message: unknown) => void): void {
    this.#port.on("message", (message: unknown) => {
      if (message === END) this.#end();
      else listener(message);
    });
  }

  /** The next message without going back to the event loop; undefined when there is none. */
  receive(): { readonly message: unknown } | undefined {
    const next = receiveMessageOnPort(this.#port);
    if (next?.message !== END) return next;
    this.#end();
    return undefined;
  }

  /**
   * Imports a module from the event loop, beating meanwhile, unless its top level never returns. It fails if that takes
   * longer than so many milliseconds; the import goes on, and the next of the same module finds it further.
   */
  async load(href: string, milliseconds: number): Promise<unknown> {
    this.#imports++;
    const pulse = setInterval(() => this.beat(), BEAT_EVERY);
    const imported = import(href).finally(() => {
      this.#imports--;
      if (this.#isToEnd) this.#end();
    });
    let limit: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const failure = new Error(`${href} has not loaded within ${milliseconds / 1000} seconds`);
      limit = setTimeout(() => reject(failure), milliseconds);
    });
    try {
      return await Promise.race([imported, late]);
    } finally {
      clearInterval(pulse);
      clearTimeout(limit);
    }
  }

  /** Resolves when the event loop has turned: promises of the system, such as an import, get on only there. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  // Behind what is being imported: what that has open would stay open.
  #end(): void {
    this.#isToEnd = true;
    if (this.#imports === 0) process.exit(0);
  }
}
