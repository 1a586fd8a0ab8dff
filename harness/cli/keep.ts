// What becomes of a finding: its artifact is written first, then it is made smaller, then it is told.

import { join } from "node:path";
import { addToArtifact, replayCommand, writeArtifact } from "../artifacts.ts";
import { removeScratch } from "../fast-directory.ts";
import type { Finding } from "../finding.ts";
import { say, type ReportedFailure } from "./report.ts";
import type { Found, ShrinkAnswer, ShrinkTask } from "./tasks.ts";
import { runInWorker, WorkerError, type WorkerOptions } from "./watchdog.ts";

/** Of each failure; the command `shrink` takes as long as it is given. */
const SHRINK_MILLISECONDS = 20_000;
const SHRINK_ATTEMPTS = 10_000;
/** A log that takes a good part of that time for one run is not begun with. */
const SHRINK_OPS_MAX = 100_000;
/** The story of a failure goes to the terminal up to so many lines; all of it is in account.txt. */
const ACCOUNT_LINES_MAX = 60;
/** Failures that are shrunk; more of them are kept as they are. */
const SHRUNK_MAX = 3;

/** Keeps all of them. */
export async function keepAll(
  root: string,
  found: readonly Found[],
  options: WorkerOptions = {},
): Promise<ReportedFailure[]> {
  const reported: ReportedFailure[] = [];
  const kept = found.map((one) => ({ one, directory: keep(root, one) }));
  for (const [i, { one, directory }] of kept.entries()) {
    const shrunk = i < SHRUNK_MAX && isShrinkable(one) ? await shrinkKept(directory, one, options) : undefined;
    if (!shrunk && one.crash) addToArtifact(directory, one.finding, one.crash);
    reported.push(reportOf(directory, one));
  }
  return reported;
}

/**
 * Writes the artifact; the store it was found in is removed once it is in there. What a crash showed is for later: of a
 * smaller log it says more.
 */
export function keep(root: string, found: Found): string {
  const { finding, campaign, command, op, scratch } = found;
  const directory = writeArtifact(root, finding, {
    campaign,
    command,
    ...(scratch !== undefined && { store: join(scratch, "store") }),
    ...(op !== undefined && { op }),
  });
  discard(found);
  return directory;
}

/** The same for one that is not to be made smaller. */
export function keepAsIs(root: string, found: Found): string {
  const directory = keep(root, found);
  if (found.crash) addToArtifact(directory, found.finding, found.crash);
  return directory;
}

/** Removes what a finding left outside its artifact. */
export function discard({ scratch }: Found): void {
  if (scratch !== undefined) removeScratch(scratch);
}

export interface Shrunk {
  readonly finding: Finding;
  readonly attempts: number;
  readonly file: string;
}

type ShrinkLimits = Partial<Pick<ShrinkTask, "attempts" | "milliseconds">>;

/** Makes a kept failure smaller and adds that to its directory; undefined if that came to nothing. */
export async function shrinkKept(
  directory: string,
  { finding, mode }: Found,
  { attempts = SHRINK_ATTEMPTS, milliseconds = SHRINK_MILLISECONDS, ...worker }: WorkerOptions & ShrinkLimits = {},
): Promise<Shrunk | undefined> {
  const task: ShrinkTask = { kind: "shrink", finding, mode, attempts, milliseconds };
  try {
    const end = await runInWorker<ShrinkAnswer>(task, worker);
    if (end.kind === "done") return addShrunk(directory, finding, end.result);
    say(`shrinking ${directory} hung: a part of its log never ends`);
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    say(`shrinking ${directory} failed: ${error.message}`);
  }
  return undefined;
}

function addShrunk(directory: string, before: Finding, answer: ShrinkAnswer): Shrunk {
  const { finding, attempts, crash, traceHash } = answer;
  const file = addToArtifact(directory, before, {
    shrunk: finding,
    ...crash,
    ...(traceHash !== undefined && { traceHash }),
  });
  tell(directory, before, answer);
  return { finding, attempts, file: file! };
}

function tell(directory: string, before: Finding, { finding, attempts, crash }: ShrinkAnswer): void {
  const account = crash?.account ?? [];
  if (finding.condition !== before.condition) say(`${finding.condition}: ${finding.message}`);
  say(`${before.ops.length} operations, ${finding.ops.length} after ${attempts} runs of smaller ones`);
  for (const line of account.slice(0, ACCOUNT_LINES_MAX)) say(line);
  if (account.length > ACCOUNT_LINES_MAX) say(`… more in ${join(directory, "account.txt")}`);
}

// What hangs would hang at every attempt; of what has no log, or too long a one, nothing can be left out.
function isShrinkable({ finding: { condition, ops } }: Found): boolean {
  return condition !== "C28" && condition !== "C27" && ops.length > 0 && ops.length <= SHRINK_OPS_MAX;
}

/** As the last line of a command gives it. */
export function reportOf(directory: string, { finding, command, op }: Found): ReportedFailure {
  const { condition, seed, message, ops } = finding;
  const where = op === undefined ? "" : ` (operation ${op})`;
  const replay = ops.length > 0 ? replayCommand(directory) : command;
  return { condition, seed, directory, replay, message: message + where };
}
