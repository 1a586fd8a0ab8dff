// A thread that works for this process: one a module, shared by everybody who joins, started with the first and ended
// with the last. Its pulse, two words of shared memory, shows that it is alive even to a caller that never returns to
// the event loop, which is where Node tells of a thread that died.
//
//   word  meaning
//     0   beats: the thread counts them up while it works
//     1   commands: whoever tells the thread something counts it up afterwards and wakes it

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

  /** The thread of that module, with one member more; `onDeath` is called, from the event loop, if it dies too early. */
  static join(module: URL, onDeath: (failure: Error) => void): WorkerThread {
    const { href } = module;
    let thread = WorkerThread.#threads.get(href);
    if (!thread) {
      thread = new WorkerThread(module);
      WorkerThread.#threads.set(href, thread);
    }
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
    this.#worker.on("exit", (code) => this.#die(new Error(`the thread ended with code ${code}`)));
  }

  /** Why nobody may count on it any more; undefined while it is thought alive. */
  get failure(): Error | undefined {
    return this.#failure;
  }

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

  /** The last member's leaving ends the thread. */
  leave(onDeath: (failure: Error) => void): void {
    this.#members.delete(onDeath);
    if (this.#members.size === 0) this.#end();
  }

  /** It does not answer: it is ended, at the latest when the system call that it is in returns; all members are told. */
  giveUp(failure: Error): void {
    this.#die(failure);
  }

  #die(failure: Error): void {
    if (this.#failure) return;
    this.#failure = failure;
    const members = [...this.#members];
    this.#end();
    for (const onDeath of members) onDeath(failure);
  }

  #end(): void {
    this.#failure ??= new Error("the thread has ended");
    if (WorkerThread.#threads.get(this.#module) === this) WorkerThread.#threads.delete(this.#module);
    void this.#worker.terminate();
  }
}

/** The thread's own end of it. */
export class ThreadSelf {
  readonly pulse: Int32Array;
  readonly #port: MessagePort;

  /** For code that WorkerThread started; anywhere else it throws. */
  constructor() {
    const start = workerData as Partial<Start> | undefined;
    if (!parentPort || !(start?.pulse instanceof SharedArrayBuffer)) throw new Error("this is no thread of a store");
    this.#port = parentPort;
    this.pulse = new Int32Array(start.pulse);
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

  /** Told from the event loop; the thread lives as long as this does. */
  listen(listener: (message: unknown) => void): void {
    this.#port.on("message", listener);
  }

  /** The next message without going back to the event loop; undefined when there is none. */
  receive(): { readonly message: unknown } | undefined {
    return receiveMessageOnPort(this.#port);
  }

  /** Resolves when the event loop has turned: promises of the system, such as an import, get on only there. */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
