import { execa } from "execa";
import { CHILD_ENV, childCommand } from "./child-file.ts";
import type { ChildPlan, Profile } from "./plan.ts";
import { decodeRecords, RECORD_BYTES, RecordKind, type Record } from "./records.ts";

/** A child that a plan does not kill by then has hung. */
export const CHILD_SECONDS_MOST = 120;

/** No child lives longer than this from the beginning of its open: one that comes to its place slowly is killed where it is. */
const MILLISECONDS_MOST: { readonly [P in Profile]: number } = { fast: 60, heavy: 1000 };
/** A child that was to die inside open, which then made fewer calls, lives so much longer. */
const AFTER_OPEN_MILLISECONDS = 10;

/** A life that is waited for no longer has come so far at least. */
const ACKNOWLEDGED_WANTED = 50;

/** How a child ended, and what it said before. */
export interface ChildEnd {
  readonly signal: string | undefined;
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly records: readonly Record[];
  readonly hung: boolean;
}

export interface ChildHost {
  /** Told how many records there are. */
  readonly heard: (records: number) => void;
  /** Kills the child at once. */
  readonly signal?: AbortSignal;
}

/** Runs a child to its violent end; resolves after all its pipes have closed. */
export async function spawnChild(plan: ChildPlan, { heard, signal }: ChildHost): Promise<ChildEnd> {
  const [file, ...words] = childCommand("child-main", JSON.stringify(plan));
  const child = execa(file!, words, {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    reject: false,
    detached: true,
    env: CHILD_ENV,
    stripFinalNewline: true,
    buffer: { fd3: false },
  });
  const kill = (): void => void child.kill("SIGKILL");
  signal?.addEventListener("abort", kill);
  if (signal?.aborted === true) kill();
  const records = collectRecords(child.stdio[3] as NodeJS.ReadableStream, plan, { kill, heard });
  let hung = false;
  const watchdog = setTimeout(() => {
    hung = true;
    kill();
  }, CHILD_SECONDS_MOST * 1000);
  const result = await child;
  clearTimeout(watchdog);
  signal?.removeEventListener("abort", kill);
  return {
    signal: result.signal,
    exitCode: result.exitCode,
    stderr: result.stderr ?? "",
    records: await records,
    hung,
  };
}

interface Hearing {
  readonly kill: () => void;
  readonly heard: (records: number) => void;
}

function collectRecords(
  stream: NodeJS.ReadableStream,
  plan: ChildPlan,
  { kill, heard }: Hearing,
): Promise<readonly Record[]> {
  const all: Record[] = [];
  const { kill: death, profile, patience = MILLISECONDS_MOST[profile] } = plan;
  const lifetime = death.by === "time" ? death.milliseconds : patience;
  const isForOpen = plan.kill.by === "call" && plan.kill.phase === "open";
  let acknowledged = 0;
  let timer: NodeJS.Timeout | undefined;
  let rest = Buffer.alloc(0);
  let isLate = false;
  // On a busy machine a life may be over before it has done anything.
  const expire = (): void => {
    if (acknowledged >= ACKNOWLEDGED_WANTED || isForOpen || death.by === "time") kill();
    else isLate = true;
  };
  stream.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    const records = decodeRecords(rest);
    rest = rest.subarray(rest.length - (rest.length % RECORD_BYTES));
    all.push(...records);
    for (const { kind } of records) {
      if (kind === RecordKind.acknowledged) acknowledged++;
      if (kind === RecordKind.done) kill();
      if (kind === RecordKind.openBegin) timer ??= setTimeout(expire, lifetime);
      if (kind === RecordKind.openEnd && isForOpen) setTimeout(kill, AFTER_OPEN_MILLISECONDS);
    }
    heard(all.length);
    if (isLate && acknowledged >= ACKNOWLEDGED_WANTED) kill();
    if (plan.kill.by === "acknowledgement" && acknowledged >= plan.kill.count) kill();
  });
  return new Promise((resolve) => {
    stream.on("close", () => {
      clearTimeout(timer);
      resolve(all);
    });
  });
}
