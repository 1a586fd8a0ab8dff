// A thread of the tests: inserts its share into a memtable that other threads insert into at the same time. Thread t of n
// inserts the numbers t, t + n, t + 2n … below `count`, in an order of its own unless `ascending`; the key is the number
// in eight hexadecimal digits, the sequence number is number + 1, each tenth is a delete.

import { workerData } from "node:worker_threads";
import { KeyOrder, bytewise } from "../../common/comparator.ts";
import { Kind } from "../../common/internal-key.ts";
import { Prng } from "../../util/prng.ts";
import { Memtable } from "../memtable.ts";

export interface Share {
  readonly buffer: SharedArrayBuffer;
  readonly thread: number;
  readonly threads: number;
  readonly count: number;
  readonly seed: number;
  readonly ascending: boolean;
  /** Two words: threads that are ready (each waits for all), entries inserted. */
  readonly gate: SharedArrayBuffer;
}

const share = workerData as Share;
const numbers = shareOf(share);
const memtable = Memtable.attach(share.buffer, new KeyOrder(bytewise), share.seed + share.thread);
const gate = new Int32Array(share.gate);
Atomics.add(gate, 0, 1);
Atomics.notify(gate, 0);
for (let ready = 0; ready < share.threads; ready = Atomics.load(gate, 0)) Atomics.wait(gate, 0, ready);
let inserted = 0;
for (const number of numbers) {
  const key = Buffer.from(number.toString(16).padStart(8, "0"));
  const isDelete = number % 10 === 0;
  const value = isDelete ? new Uint8Array(0) : Buffer.from(`value ${number}`);
  if (memtable.insert(isDelete ? Kind.delete : Kind.put, number + 1, key, value)) inserted++;
}
Atomics.add(gate, 1, inserted);

function shareOf({ thread, threads, count, seed, ascending }: Share): number[] {
  const numbers: number[] = [];
  for (let number = thread; number < count; number += threads) numbers.push(number);
  const prng = new Prng(seed * 31 + thread);
  for (let i = numbers.length - 1; i > 0 && !ascending; i--) {
    const j = prng.next() % (i + 1);
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  return numbers;
}
