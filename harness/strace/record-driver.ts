// A run of an engine that is not ours, watched by strace: its writes one after the other, as a trace of the simulated disk,
// with what the engine's own claims demand of a crash at each event.

import { createReadStream, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execaSync } from "execa";
import { capabilitiesFor } from "../capabilities.ts";
import { EMPTY_DIRECTORIES, KeepingOracle, STORE } from "../crash/recorded-run.ts";
import { ContentStore, makeImage } from "../disk/image.ts";
import { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { TraceEvent } from "../disk/trace.ts";
import { StdioEngine } from "../engines/stdio/stdio-engine.ts";
import { isAsyncWrite, isWrite, type Op } from "../op.ts";
import type { Durability, Oracle, Ticket, Window } from "../oracle.ts";
import { UNSUPPORTED } from "../unsupported.ts";
import { StoreTrace } from "./store-trace.ts";
import { systemCalls, TRACED_CALLS } from "./system-calls.ts";

export interface ForeignRun {
  /** What the engine did; what it refused is not among them. */
  readonly ops: readonly Op[];
  readonly trace: readonly TraceEvent[];
  /** windows[i + 1]: behind event i, what was answered before the next included. */
  readonly windows: readonly ForeignWindows[];
  readonly oracle: Oracle;
  /** What the trace does not show, in words. */
  readonly notCovered: readonly string[];
}

export interface ForeignWindows {
  readonly power: Window;
  readonly kill: Window;
}

export interface RecordDriverOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly ops: readonly Op[];
  readonly config: string;
  /** A directory for the store and strace's output; made and removed. */
  readonly scratch: string;
}

/** Longer than any write: strings that strace cuts short cannot be used. */
const STRING_BYTES_MOST = 1 << 26;
/** As much of an answer as is told. */
const LINE_TOLD = 300;
/** The store's first request. */
const OPENING = 1;

/** Why strace cannot be used here; undefined if it can. */
export function straceProblem(): string | undefined {
  const { exitCode, message } = execaSync("strace", ["-o", "/dev/null", "true"], { reject: false }) as {
    exitCode?: number;
    message?: string;
  };
  if (exitCode === 0) return undefined;
  return exitCode === undefined
    ? "strace is not installed (apt-get install strace)"
    : `strace may not trace here: ${message?.split("\n")[0]}`;
}

/** Runs the writes and syncs among the operations that the engine has calls for. */
export async function recordDriver(options: RecordDriverOptions): Promise<ForeignRun> {
  mkdirSync(options.scratch, { recursive: true });
  try {
    return await record(options, realpathSync(options.scratch));
  } finally {
    rmSync(options.scratch, { recursive: true, force: true });
  }
}

async function record({ name, command, ops, config }: RecordDriverOptions, root: string): Promise<ForeignRun> {
  const directory = join(root, "store");
  const output = join(root, "strace.txt");
  const watched = StdioEngine.find(name, command, join(root, "probe")).through(straceCommand(output));
  const store = watched.open(directory, config);
  const requests = new Map<number, Op>();
  for (const op of ops) {
    const isAdmitted = capabilitiesFor(op).every((needed) => watched.capabilities.has(needed));
    if (!isAdmitted || isAsyncWrite(op) || op.kind === "verify") continue;
    if (isWrite(op)) {
      const { id } = store.sendWrite(op);
      requests.set(id, op);
      store.answer(id);
    } else if (op.kind === "sync" || op.kind === "flush" || op.kind === "compactRange") {
      requests.set(store.askFor(op.kind === "compactRange" ? "compact" : op.kind), op);
    }
  }
  store.close();
  const run = await new Recorder(watched.durability, requests).read(output, directory);
  const unexplained = run.isWhole ? compare(run.trace, directory) : [];
  const { refused: _refused, isWhole: _isWhole, ...recorded } = run;
  return {
    ...recorded,
    ops: [...requests.values()].filter(({ id }) => !run.refused.has(id)),
    notCovered: [...run.notCovered, ...unexplained],
  };
}

function straceCommand(output: string): string[] {
  const filter = ["-e", "signal=none", "-e", `trace=${TRACED_CALLS.join(",")}`];
  return ["strace", "-f", "-y", "-xx", "-s", String(STRING_BYTES_MOST), ...filter, "-o", output, "--"];
}

class Recorder {
  readonly #promises: Durability;
  readonly #oracle: Oracle;
  readonly #requests: ReadonlyMap<number, Op>;
  readonly #trace: TraceEvent[] = [];
  readonly #windows: ForeignWindows[] = [];
  readonly #refused = new Set<number>();
  #ticket: Ticket | undefined;

  constructor(promises: Durability, requests: ReadonlyMap<number, Op>) {
    this.#promises = promises;
    this.#oracle = new KeepingOracle(promises);
    this.#requests = requests;
    this.#windows.push(this.#now());
  }

  async read(
    output: string,
    directory: string,
  ): Promise<Omit<ForeignRun, "ops"> & { readonly refused: ReadonlySet<number>; readonly isWhole: boolean }> {
    const lines: string[] = [];
    for await (const line of createInterface({ input: createReadStream(output) })) lines.push(line);
    const trace = new StoreTrace({
      directory,
      name: STORE,
      sizes: new Map(),
      event: (event) => {
        this.#trace.push(event);
        this.#windows.push(this.#now());
      },
      answered: (line) => this.#answered(line),
    });
    trace.takeAll(systemCalls(lines));
    const notCovered = [...trace.notCovered];
    const refused = this.#refused;
    // Of a part of the files nobody knows what they hold: there is no image that could be judged.
    if (!trace.isWhole)
      return {
        trace: [],
        windows: this.#windows.slice(0, 1),
        oracle: this.#oracle,
        notCovered,
        refused,
        isWhole: false,
      };
    return { trace: this.#trace, windows: this.#windows, oracle: this.#oracle, notCovered, refused, isWhole: true };
  }

  // The request behind an answered one may be under way from now on.
  #answered(line: string): void {
    const { id, ok, code } = JSON.parse(line) as { id: number; ok: boolean; code?: string };
    const op = this.#requests.get(id);
    if (this.#ticket && op && isWrite(op)) {
      if (ok) this.#oracle.returned(this.#ticket);
      else if (code === UNSUPPORTED) {
        this.#oracle.refused(this.#ticket);
        this.#refused.add(op.id);
      } else throw new Error(`the engine refused ${op.kind} ${op.id}: ${line.slice(0, LINE_TOLD)}`);
      this.#ticket = undefined;
    } else if (op?.kind === "sync" && ok && this.#promises.sync === "power") this.#oracle.durable();
    const next = this.#requests.get(id + 1);
    if (id >= OPENING && next && isWrite(next)) this.#ticket = this.#oracle.issue(next);
    this.#windows[this.#windows.length - 1] = this.#now();
  }

  #now(): ForeignWindows {
    return { power: this.#oracle.window("power"), kill: this.#oracle.window("kill") };
  }
}

// The simulated disk at the end against the real directory: what differs went past the calls that were traced.
function compare(trace: readonly TraceEvent[], directory: string): string[] {
  const disk = new SimulatedDisk(makeImage([], EMPTY_DIRECTORIES), new ContentStore());
  trace.forEach((event, i) => disk.apply(event, i + 1));
  const { files } = disk.imageKill();
  const different: string[] = [];
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (!statSync(join(directory, name)).isFile()) continue;
    const bytes = files.get(join(STORE, name))?.bytes;
    if (bytes === undefined) different.push(`${name} was made by no traced call`);
    else if (Buffer.compare(readFileSync(join(directory, name)), bytes) !== 0)
      different.push(`${name} holds bytes that no traced call wrote`);
  }
  return different;
}
