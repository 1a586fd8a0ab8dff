// One order for the calls of two threads. A call is made, numbered and recorded while its thread holds the turn, so that
// no two overlap and the numbers are the order in which the disk saw them; between two calls the threads run freely.
//
// Shared memory, words:  0 turn (1 = taken)   1 next number   2 threads begun   3 bytes of the log in use
//
// A worker's events go to a log in shared memory, each a u32 length and a value of v8.serialize: they are there for the
// other thread as soon as it has the turn, whatever becomes of the worker.

import { deserialize, serialize } from "node:v8";
import type { Barrier } from "tinykv/env";
import type { TraceEvent } from "../trace.ts";

/** What the threads of one recording share; Node's environment data take it to the worker. */
export interface Share {
  readonly words: SharedArrayBuffer;
  readonly log: SharedArrayBuffer;
  /** The directory that stands for "/". */
  readonly root: string;
  /** A sync that the worker leaves out, for tests of the recorder. */
  readonly skip: Barrier | undefined;
}

export const SHARE_KEY = "tinykv-harness-two-threads";

export interface NumberedEvent {
  readonly number: number;
  readonly event: TraceEvent;
}

const TURN = 0;
const NEXT = 1;
const THREADS = 2;
const USED = 3;
const WORDS = 4;

/** A small workload writes tables of a few megabytes; what is never touched takes no memory. */
const LOG_BYTES = 256 << 20;

export function makeShare(root: string, skip?: Barrier): Share {
  return { words: new SharedArrayBuffer(WORDS * 4), log: new SharedArrayBuffer(LOG_BYTES), root, skip };
}

export class SharedOrder {
  readonly #words: Int32Array;
  readonly #log: Buffer;

  constructor({ words, log }: Share) {
    this.#words = new Int32Array(words);
    this.#log = Buffer.from(log);
  }

  /** Waits for the turn. */
  take(): void {
    while (Atomics.compareExchange(this.#words, TURN, 0, 1) !== 0) Atomics.wait(this.#words, TURN, 1);
  }

  give(): void {
    Atomics.store(this.#words, TURN, 0);
    Atomics.notify(this.#words, TURN, 1);
  }

  /** The number of the call just made; for who holds the turn. */
  next(): number {
    return Atomics.add(this.#words, NEXT, 1);
  }

  /** How many worker threads began before this one. */
  nextThread(): number {
    return Atomics.add(this.#words, THREADS, 1);
  }

  /** For who holds the turn. */
  append(numbered: NumberedEvent): void {
    const bytes = serialize(numbered);
    const used = Atomics.load(this.#words, USED);
    if (used + 4 + bytes.length > this.#log.length) throw new Error("the log of the worker's calls is full");
    this.#log.writeUInt32LE(bytes.length, used);
    bytes.copy(this.#log, used + 4);
    Atomics.store(this.#words, USED, used + 4 + bytes.length);
  }

  /** All that was appended, in order. */
  read(): NumberedEvent[] {
    const events: NumberedEvent[] = [];
    const used = Atomics.load(this.#words, USED);
    for (let at = 0; at < used;) {
      const end = at + 4 + this.#log.readUInt32LE(at);
      // A copy: what is deserialized may be a view.
      events.push(deserialize(Buffer.from(this.#log.subarray(at + 4, end))) as NumberedEvent);
      at = end;
    }
    return events;
  }
}
