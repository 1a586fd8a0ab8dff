// One power cut on a real file system: a child writes, the power goes, the file system is mounted again, and what is there
// must be what the oracle allows; and one of the images that the simulated disk allows for the calls that the child made.

import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import {
  ContentStore,
  endChildWithCommand,
  Failure,
  makeImage,
  makeScratch,
  Oracle,
  parseTrace,
  SimulatedDisk,
  TRACE_HEADER,
  type TraceEvent,
  whyImpossible,
} from "tinykv/harness";
import { CHILD_ENV, childCommand } from "../kill/child-file.ts";
import { checkStore, openAndCheck } from "../kill/check-store.ts";
import { Hearing } from "../kill/hearing.ts";
import type { ChildPlan } from "../kill/plan.ts";
import { decodeRecords, RECORD_BYTES, RecordKind, type Record } from "../kill/records.ts";
import { CHILD_SECONDS_MOST } from "../kill/spawn-child.ts";
import { BlockStore, type Cut, type FileSystem } from "./block-store.ts";
import { keepFiles, keepRound } from "./keep-round.ts";

export interface DiskRoundOptions {
  readonly fs: FileSystem;
  readonly cut: Cut;
  /** But for its directory and its trace. */
  readonly child: Omit<ChildPlan, "directory" | "traceFile">;
  /** The cut comes behind so many acknowledgements. */
  readonly answers: number;
  /** A child has hung that has not come to them within so many milliseconds. Default 120,000. */
  readonly patience?: number;
  /** So has a check of what the cut left that takes longer than so many. Default 120,000. */
  readonly checkPatience?: number;
}

export interface DiskRoundResult {
  readonly acknowledged: number;
  /** Why the simulated disk does not allow what was found; undefined if it does. */
  readonly impossible: string | undefined;
  /** Files that the cut left. */
  readonly files: number;
}

/** Longer than the event loop takes to hand over what stands in a pipe. */
const QUIET_MILLISECONDS = 3;

/** What the parent knew when it cut: how many records and how much of the trace there were before and after. */
interface CutTaken {
  readonly image: string;
  readonly records: number;
  readonly traceFrom: number;
  readonly traceTo: number;
}

/**
 * Throws Failure. Of that, and of what the simulated disk does not allow, `keep` then holds what was heard of the child
 * (round.json), its calls (calls.txt) and what the cut left (store/).
 */
export async function diskRound(options: DiskRoundOptions, keep?: string): Promise<DiskRoundResult> {
  const base = makeScratch("tinykv-disk-");
  const store = new BlockStore(options.fs, base, options.cut === "reflink");
  let writer: Writer | undefined;
  try {
    store.mount();
    const plan: ChildPlan = {
      ...options.child,
      directory: join(store.directory, "store"),
      traceFile: join(base, "trace.txt"),
    };
    writer = new Writer(plan);
    await writer.acknowledges(options.answers, options.patience ?? CHILD_SECONDS_MOST * 1000);
    const taken = await cutPower(options.cut, store, writer);
    const records = await writer.end();
    store.unmount();
    const found = { records, taken, keep, patience: options.checkPatience };
    return store.after(taken.image, (directory) => judge(plan, found, join(directory, "store")));
  } catch (error) {
    if (error instanceof Failure && keep !== undefined && writer) keepRound(writer.plan, await writer.end(), keep);
    throw error;
  } finally {
    writer?.kill();
    await writer?.end();
    store.close();
    rmSync(base, { recursive: true, force: true });
  }
}

async function cutPower(cut: Cut, store: BlockStore, writer: Writer): Promise<CutTaken> {
  if (cut === "copy") await writer.stop();
  const records = writer.heard;
  const traceFrom = writer.traceBytes();
  const image = cut === "copy" ? store.copy() : cut === "reflink" ? store.snapshot() : store.shutDown();
  const traceTo = writer.traceBytes();
  writer.kill();
  return { image, records, traceFrom, traceTo };
}

interface Found {
  readonly records: readonly Record[];
  readonly taken: CutTaken;
  readonly keep: string | undefined;
  readonly patience: number | undefined;
}

function judge(plan: ChildPlan, { records, taken, keep, patience }: Found, directory: string): DiskRoundResult {
  const oracle = new Oracle();
  const moments = [taken.records];
  const heard = Hearing.of(oracle, plan, records, { moments, loss: "power" });
  const files = filesBelow(directory, plan.directory);
  const impossible = whyImpossibleBetween(plan, taken, files);
  const { acknowledged } = heard;
  const result = { acknowledged, impossible, files: files.size };
  const keepAll = (): void => {
    if (keep === undefined) return;
    keepFiles(files, plan.directory, keep);
    keepRound(plan, records, keep);
  };
  if (impossible !== undefined) keepAll();
  try {
    openAndCheck({ directory, config: plan.config, milliseconds: patience }, (store, engine) =>
      checkStore(store, engine, { oracle, window: { ...oracle.window("power"), least: heard.least[0]! } }),
    );
    return result;
  } catch (error) {
    keepAll();
    throw error;
  }
}

/** Bytes by path as the writer named them. */
function filesBelow(directory: string, named: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  // The directory itself may be what was lost.
  if (!statSync(directory, { throwIfNoEntry: false })) return files;
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const path = join(directory, name);
    // What stands in LOCK is for people: the trace tells its name alone.
    if (statSync(path).isFile()) files.set(join(named, name), name === "LOCK" ? Buffer.alloc(0) : readFileSync(path));
  }
  return files;
}

// The cut fell somewhere between two moments of the trace: one of the states between them must allow it, the call that was
// under way done or not.
function whyImpossibleBetween(
  { directory, traceFile }: ChildPlan,
  { traceFrom, traceTo }: CutTaken,
  files: ReadonlyMap<string, Uint8Array>,
): string | undefined {
  const text = readFileSync(traceFile!);
  const disk = new SimulatedDisk(makeImage([], ancestorsOf(directory)), new ContentStore());
  let time = 0;
  let bytes = TRACE_HEADER.length + 1;
  let why: string | undefined;
  const lines = text.subarray(bytes, traceTo).toString("latin1").split("\n").slice(0, -1);
  for (const [i, line] of lines.entries()) {
    bytes += line.length + 1;
    const isBegun = line.startsWith("?");
    const isLast = i === lines.length - 1;
    if (isBegun && (bytes >= traceFrom || isLast)) {
      // Done, and nobody had been told.
      const ahead = disk.clone();
      ahead.apply(eventOf(line.slice(1)), time + 1);
      why = whyImpossible(ahead, files, directory);
    }
    if (!isBegun) disk.apply(eventOf(line), ++time);
    if (bytes < traceFrom && !isLast) continue;
    if (!isBegun || why !== undefined) why = whyImpossible(disk, files, directory);
    if (why === undefined) return undefined;
  }
  return why;
}

function eventOf(line: string): TraceEvent {
  return parseTrace(`${TRACE_HEADER}\n${line}\n`)[0]!;
}

function ancestorsOf(directory: string): string[] {
  const all: string[] = [];
  for (let at = dirname(directory); ; at = dirname(at)) {
    all.unshift(at);
    if (at === "/") return all;
  }
}

/** The process that writes. */
class Writer {
  readonly plan: ChildPlan;
  readonly #child: ReturnType<typeof start>;
  readonly #records: Record[] = [];
  readonly #closed: Promise<void>;
  readonly #traceFile: string;
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;
  #acknowledged = 0;

  constructor(plan: ChildPlan) {
    this.plan = plan;
    this.#traceFile = plan.traceFile!;
    this.#child = start(plan);
    endChildWithCommand(this.#child);
    this.#closed = this.#listen(this.#child.stdio[3] as NodeJS.ReadableStream);
  }

  get heard(): number {
    return this.#records.length;
  }

  /** Resolves when so many operations have returned. Throws Failure if the child has ended before, or hangs. */
  async acknowledges(count: number, milliseconds: number): Promise<void> {
    if (this.#acknowledged >= count) return;
    let hung = false;
    const watchdog = setTimeout(() => {
      hung = true;
      this.kill();
    }, milliseconds);
    await Promise.race([new Promise<void>((resolve) => (this.#waiting = { count, resolve })), this.#closed]);
    clearTimeout(watchdog);
    if (this.#acknowledged >= count) return;
    if (hung) throw new Failure("C28", `the child hung: ${this.#acknowledged} of ${count} operations returned`);
    // The power is on: it had no reason to end.
    await this.#endedByItself();
  }

  traceBytes(): number {
    return statSync(this.#traceFile, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Stands still from now on, and all that it said has been heard. */
  async stop(): Promise<void> {
    process.kill(this.#child.pid!, "SIGSTOP");
    waitForStop(this.#child.pid!);
    for (let before = -1; before !== this.heard;) {
      before = this.heard;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MILLISECONDS));
    }
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #endedByItself(): Promise<never> {
    const { exitCode, signal, stderr } = await this.#child;
    throw new Failure("C1", `the child ended by itself (exit ${exitCode}, signal ${signal}): ${stderr}`);
  }

  async end(): Promise<readonly Record[]> {
    await this.#child;
    await this.#closed;
    return this.#records;
  }

  #listen(stream: NodeJS.ReadableStream): Promise<void> {
    let rest = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      const records = decodeRecords(rest);
      rest = rest.subarray(rest.length - (rest.length % RECORD_BYTES));
      this.#records.push(...records);
      this.#acknowledged += records.filter(({ kind }) => kind === RecordKind.acknowledged).length;
      if (this.#waiting && this.#acknowledged >= this.#waiting.count) this.#waiting.resolve();
    });
    return new Promise((resolve) => stream.on("close", () => resolve()));
  }
}

function start(plan: ChildPlan) {
  const [file, ...words] = childCommand("child-main", JSON.stringify(plan));
  return execa(file!, words, {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    reject: false,
    env: CHILD_ENV,
    buffer: { fd3: false },
  });
}

// A stop is delivered soon, not at once; the state stands behind the name in its brackets.
function waitForStop(pid: number): void {
  for (;;) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
    if (state === "T" || state === "t" || state === "Z") return;
  }
}
