// The process that fuzzes, from outside: what it says, what it has in flight, and how it ended. A process and not a thread: a
// heap that is full ends a thread's whole process when the last allocation was large, and with it whoever watches.

import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { deserialize, serialize } from "node:v8";
import { endChildWithCommand, makeScratch } from "tinykv/harness";
import { FLIGHT_BYTES, FLIGHT_HEADER_BYTES, FRAME_HEADER_BYTES, type FuzzMessage, type FuzzStart } from "./messages.ts";

/** Of its heap, where objects are that no counter sees: the campaign itself takes some 50 MiB. */
const HEAP_MEGABYTES = 192;
/** V8's words for it, on standard error, before it aborts. */
const OUT_OF_MEMORY = /heap out of memory|heap limit/i;
const STDERR_TOLD = 4096;
/** How a process ends by its own doing; any other signal was sent by somebody. */
const OWN_SIGNALS: readonly string[] = ["SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGTRAP"];

export interface InFlight {
  /** Begun so far: the last of them has these bytes. */
  readonly executions: number;
  readonly bytes: Uint8Array;
}

/** Undefined: it said that it was done. */
export type End =
  | { readonly kind: "died"; readonly problem: string }
  | { readonly kind: "failed"; readonly message: string }
  | undefined;

export class FuzzProcess {
  readonly #directory = makeScratch("tinykv-fuzzing-", tmpdir());
  readonly #flight: number;
  readonly #child: ChildProcess;
  readonly #take: (message: FuzzMessage) => void;
  #buffered = Buffer.alloc(0);
  #errors = "";
  #isDone = false;

  /** `take` is told all that it says but that it is done. */
  constructor(main: string, start: FuzzStart, take: (message: FuzzMessage) => void) {
    this.#take = take;
    const task = join(this.#directory, "task");
    writeFileSync(task, serialize(start));
    this.#flight = openSync(join(this.#directory, "flight"), "w+");
    this.#child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MEGABYTES}`, main, task], {
      stdio: ["ignore", "ignore", "pipe", "pipe", this.#flight],
    });
    endChildWithCommand(this.#child);
  }

  /** Until it has ended, and all that it said is taken. */
  async ended(): Promise<End> {
    const child = this.#child;
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => this.#read(chunk));
    child.stderr!.on("data", (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-STDERR_TOLD)));
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (...how: [number | null, NodeJS.Signals | null]) => resolve(how));
    });
    if (this.#isDone) return undefined;
    const said = this.#errors.trim();
    if (signal === null) return { kind: "failed", message: `ended with code ${code}: ${said}` };
    if (!OWN_SIGNALS.includes(signal)) return { kind: "failed", message: `was ended by ${signal}` };
    if (OUT_OF_MEMORY.test(this.#errors))
      return { kind: "died", problem: `more than ${HEAP_MEGABYTES} MiB of objects` };
    return { kind: "died", problem: `the process ended with ${signal}: ${said}` };
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  inFlight(): InFlight {
    const memory = Buffer.alloc(FLIGHT_BYTES);
    const length = readSync(this.#flight, memory, 0, FLIGHT_BYTES, 0);
    if (length < FLIGHT_HEADER_BYTES) return { executions: 0, bytes: new Uint8Array(0) };
    const end = FLIGHT_HEADER_BYTES + memory.readUInt32LE(4);
    return { executions: memory.readUInt32LE(0), bytes: new Uint8Array(memory.subarray(FLIGHT_HEADER_BYTES, end)) };
  }

  remove(): void {
    closeSync(this.#flight);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #read(chunk: Buffer): void {
    this.#buffered = Buffer.concat([this.#buffered, chunk]);
    while (this.#buffered.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + this.#buffered.readUInt32LE(0);
      if (this.#buffered.length < end) return;
      const message = deserialize(this.#buffered.subarray(FRAME_HEADER_BYTES, end)) as FuzzMessage;
      this.#buffered = this.#buffered.subarray(end);
      if (message.kind === "done") this.#isDone = true;
      else this.#take(message);
    }
  }
}
