// Standard streams, synchronously: a pipe may be non-blocking (EAGAIN) and a reader may leave early (EPIPE).

import { isUtf8 } from "node:buffer";
import { readSync, writeSync } from "node:fs";
import { invalidArgument } from "../common/errors.ts";

/** The reader of our output has gone; nobody is left to tell. */
export class OutputClosedError extends Error {}

const FLUSH_BYTES = 64 << 10;
const RETRY_MILLISECONDS = 2;
const waitCell = new Int32Array(new SharedArrayBuffer(4));

let pending: Uint8Array[] = [];
let pendingBytes = 0;

/** Queues output; it is written in large pieces, and by flushOutput(). */
export function print(output: Uint8Array | string): void {
  const bytes = typeof output === "string" ? Buffer.from(output) : Buffer.from(output);
  pending.push(bytes);
  pendingBytes += bytes.length;
  if (pendingBytes >= FLUSH_BYTES) flushOutput();
}

/** Control characters but tabs are escaped: names from the files of strangers must not steer the terminal. */
export function printLine(line: string): void {
  print(`${harmless(line)}\n`);
}

export function flushOutput(): void {
  const bytes = Buffer.concat(pending);
  pending = [];
  pendingBytes = 0;
  for (let done = 0; done < bytes.length;) done += retrying(() => writeSync(1, bytes, done)) ?? 0;
}

export function printError(line: string): void {
  writeSync(2, `${harmless(line.replaceAll("\n", " "))}\n`);
}

// The escapes are those of JSON, so that a line of JSON stays the same value.
function harmless(line: string): string {
  return line.replace(/[^\P{Cc}\t]/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The lines of standard input, numbered from 1; INVALID_ARGUMENT for one that is not UTF-8. */
export function* inputLines(): Generator<{ line: string; number: number }> {
  const chunk = Buffer.allocUnsafe(FLUSH_BYTES);
  let rest = Buffer.alloc(0);
  let number = 0;
  for (;;) {
    const count = retrying(() => readSync(0, chunk)) ?? 0;
    if (count === 0) break;
    rest = Buffer.concat([rest, chunk.subarray(0, count)]);
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      yield { line: utf8Line(rest.subarray(start, end), ++number), number };
      start = end + 1;
    }
    rest = rest.subarray(start);
  }
  if (rest.length > 0) yield { line: utf8Line(rest, ++number), number };
}

// Decoding replaces what is no UTF-8: the bytes stored would not be those that were sent.
function utf8Line(bytes: Buffer, number: number): string {
  if (!isUtf8(bytes)) throw invalidArgument(`line ${number}: not UTF-8`);
  return bytes.toString("utf8");
}

function retrying(call: () => number): number | undefined {
  for (;;) {
    try {
      return call();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EOF") return 0;
      if (code === "EPIPE") throw new OutputClosedError();
      if (code !== "EAGAIN") throw error;
      Atomics.wait(waitCell, 0, 0, RETRY_MILLISECONDS);
    }
  }
}

/** Shows how far long work has come: one line on standard error that is written over, and only if that is a terminal. */
export class Progress {
  readonly #what: string;
  readonly #isTerminal: boolean = process.stderr.isTTY;
  #shown = "";

  constructor(what: string) {
    this.#what = what;
  }

  /** For work of known size. */
  readonly update = (done: number, total: number): void => {
    this.#show(`${this.#what} ${Math.floor((100 * done) / Math.max(1, total))} %`);
  };

  /** For work of unknown size. */
  count(done: number): void {
    this.#show(`${this.#what} ${done}`);
  }

  end(): void {
    if (this.#shown !== "") writeSync(2, "\n");
    this.#shown = "";
  }

  #show(line: string): void {
    if (!this.#isTerminal || line === this.#shown) return;
    writeSync(2, `\r${line}`);
    this.#shown = line;
  }
}
