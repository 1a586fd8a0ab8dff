import { MessageChannel, receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { WorkerThread } from "../../util/worker-thread.ts";
import { BOARD_WORDS, OUTCOMES, STATE, State, type Command, type Outcome } from "./protocol.ts";
import type { WorkOrder } from "./work-order.ts";

/** A thread with work that does not beat for so long is taken for dead. */
export const SILENCE_MOST = 10_000;

/**
 * So is one that has not loaded its modules after so long. That takes 30 milliseconds, perhaps half a second on a slow
 * machine; a thread that was given up too early costs speed alone, since nothing was begun and its stores work inline.
 */
export const START_MOST = 3_000;

/** Time in which nobody looked counts for no more than this: a process that was suspended finds its thread alive. */
const GAP_MOST = 1_000;

/** A wait ends after so long at the latest, so that the thread is watched. */
const WAIT_SLICE = 50;

let lastStore = 0;

/**
 * A store's part of the worker thread that does its jobs.
 *
 * Invariants:
 *   - outcomes are taken in the order in which the thread sent them, each once;
 *   - a thread that is silent while work is outstanding is given up, and `onDeath` is called, at most once.
 */
export class StoreThread {
  readonly #thread: WorkerThread;
  readonly #id = ++lastStore;
  readonly #port: MessagePort;
  readonly #board = new Int32Array(new SharedArrayBuffer(BOARD_WORDS * 4));
  readonly #now: () => number;
  readonly #onDeath: (failure: Error) => void;
  #arrived: Outcome[] = [];
  #taken = 0;
  #silence = 0;
  #lookedAt = 0;
  #beats = 0;
  #hasLeft = false;

  /** `onNews` is called from the event loop when an outcome is there to be taken. */
  constructor(module: URL, now: () => number, onNews: () => void, onDeath: (failure: Error) => void) {
    this.#now = now;
    this.#onDeath = onDeath;
    this.#thread = WorkerThread.join(module, this.#onDeath);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on("message", (outcome: Outcome) => {
      // What was queued before the port was closed is still delivered.
      if (this.#hasLeft) return;
      this.#arrived.push(outcome);
      onNews();
    });
    port1.unref();
    const board = this.#board.buffer;
    this.#tell({ kind: "join", store: this.#id, port: port2, board }, [port2]);
  }

  submit(order: WorkOrder): void {
    this.#silence = 0;
    this.#beats = this.#thread.beats;
    this.#lookedAt = this.#now();
    this.#tell({ kind: "order", store: this.#id, order });
  }

  /** Whether it has loaded its modules: before that nothing can have been done of what was handed over. */
  get hasStarted(): boolean {
    return this.#thread.beats > 0;
  }

  /** Whether take() has something to give. What came by the event loop may have been taken before it is counted. */
  get hasNews(): boolean {
    return this.#arrived.length > 0 || ((Atomics.load(this.#board, OUTCOMES) - this.#taken) | 0) > 0;
  }

  take(): Outcome | undefined {
    const outcome = this.#arrived.shift() ?? (receiveMessageOnPort(this.#port)?.message as Outcome | undefined);
    if (outcome) this.#taken = (this.#taken + 1) | 0;
    return outcome;
  }

  /** The control words of jobs have changed. */
  wake(): void {
    this.#thread.wake();
  }

  /** Waits for news for a short time, and looks after the thread. */
  wait(): void {
    Atomics.wait(this.#board, OUTCOMES, this.#taken, WAIT_SLICE);
    if (!this.hasNews) this.look();
  }

  /** Waits for a job's thread to say `ended`, for a short time, and looks after the thread. */
  waitForEnd(control: Int32Array): void {
    const state = Atomics.load(control, STATE);
    if (state !== State.ended) Atomics.wait(control, STATE, state, WAIT_SLICE);
    if (Atomics.load(control, STATE) !== State.ended) this.look();
  }

  /** To be called from time to time while work is outstanding: notices that the thread is silent. */
  look(): void {
    const { beats } = this.#thread;
    const now = this.#now();
    if (beats !== this.#beats) this.#silence = 0;
    else this.#silence += Math.min(GAP_MOST, Math.max(0, now - this.#lookedAt));
    this.#beats = beats;
    this.#lookedAt = now;
    const most = this.hasStarted ? SILENCE_MOST : START_MOST;
    if (this.#silence > most)
      this.#thread.giveUp(new Error(`the worker thread has not moved for ${most / 1000} seconds`));
  }

  /** No outcome is taken any more; behind its last store the thread ends. */
  leave(): void {
    this.#hasLeft = true;
    if (!this.#thread.failure) this.#tell({ kind: "leave", store: this.#id });
    // It is gone in a turn of the event loop only, and must not keep the store until then.
    this.#port.removeAllListeners("message");
    this.#port.close();
    this.#thread.leave(this.#onDeath);
  }

  #tell(command: Command, transfer: readonly MessagePort[] = []): void {
    this.#thread.tell(command, transfer);
  }
}
