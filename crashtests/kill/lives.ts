// The lives of one directory, as data: what each child was to do, what it told, how it ended, and what the check behind it
// decided of the writes in flight. A kill falls where chance wants it, and never falls there again; but what was judged of
// it is judged again from this, with the same outcome, by the store that was kept.

import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Accepted, Failure, Oracle, type Ticket, type WriteOp } from "tinykv/harness";
import { checkStore, openAndCheck } from "./check-store.ts";
import { Hearing } from "./hearing.ts";
import type { ChildPlan } from "./plan.ts";
import type { Lived } from "./live.ts";
import { EXIT_HARNESS } from "./records.ts";

/** What a check found to have happened, of the writes that nobody knew about. */
export interface Decision {
  readonly state: number;
  /** Operations. */
  readonly happened: readonly number[];
  readonly patch: Accepted["patch"];
}

export interface Life extends Lived {
  readonly child: ChildPlan;
  /** Absent where the next child opened what nobody had looked at, and behind the last. */
  readonly decision?: Decision;
}

/** Under that name in the artifact, beside the store. */
const LIVES_FILE = "lives.json";
const STORE_DIRECTORY = "store";

/** Any other end than the one that was meant is a finding. Throws Failure; Error where it is the harness that broke. */
function expectKilled({ signal, exitCode, stderr, hung }: Life): void {
  if (hung) throw new Failure("C28", `the child hung: ${stderr}`);
  if (exitCode === EXIT_HARNESS) throw new Error(`the child could not write its records: ${stderr}`);
  if (signal !== "SIGKILL")
    throw new Failure("C1", `the child ended by itself (exit ${exitCode}, signal ${signal}): ${stderr}`);
}

function expectReaderEnded({ signal, exitCode, stderr, hung }: NonNullable<Life["reader"]>): void {
  if (hung) throw new Failure("C28", `a reader beside the writer hung: ${stderr}`);
  if (exitCode === EXIT_HARNESS) throw new Error(`a reader could not tell what it saw: ${stderr}`);
  if (exitCode !== 0) throw new Failure("C11", `a reader ended with ${signal ?? exitCode}: ${stderr}`);
}

/** What a life did, told to the oracle. */
export function hear(oracle: Oracle, { child, records, reader }: Life): Hearing {
  const moments = reader?.glimpses.map(({ heard }) => heard) ?? [];
  return Hearing.of(oracle, child, records, { moments, loss: "kill" });
}

/** How a life ended and what a reader saw of it; throws Failure. */
export function judgeLife(hearing: Hearing, life: Life): void {
  expectKilled(life);
  if (!life.reader) return;
  expectReaderEnded(life.reader);
  hearing.judge(life.reader.glimpses);
}

/** Asynchronous writes reach the log in the order of their calls: none has happened without the one before it. */
export function leaveUndecided(oracle: Oracle, inFlight: readonly Ticket[]): void {
  const cause = {};
  for (const ticket of inFlight) oracle.failed(ticket, cause);
}

export interface Checked {
  readonly decision: Decision;
  /** The copy had logs with records. */
  readonly replayed: boolean;
}

/** Opens a copy of what a child left, and asks it everything; throws Failure. The copy is removed if all is well. */
export function checkCopy(oracle: Oracle, directory: string, config: string, milliseconds?: number): Checked {
  const copy = `${directory}.check`;
  rmSync(copy, { recursive: true, force: true });
  // A child may die before it has made the directory.
  if (existsSync(directory)) copyDirectory(directory, copy);
  const checked = openAndCheck({ directory: copy, config, milliseconds }, (store, engine): Checked => {
    const replayed = store.replayedRecords() > 0;
    const { states, happened, patch } = checkStore(store, engine, { oracle, window: oracle.window("kill") });
    return { decision: { state: states.at(-1)!, happened: happened.map(({ id }) => id), patch }, replayed };
  });
  rmSync(copy, { recursive: true, force: true });
  return checked;
}

// cpSync() asks five times as many questions of the file system, of each file.
function copyDirectory(from: string, to: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyDirectory(source, target);
    else copyFileSync(source, target);
  }
}

export interface KeptLives {
  readonly lives: readonly Life[];
  /** How the check opened what the last child left. */
  readonly config: string;
}

export function keepLives(artifact: string, kept: KeptLives): void {
  writeFileSync(join(artifact, LIVES_FILE), `${JSON.stringify(kept)}\n`);
}

export function hasLives(path: string): boolean {
  return existsSync(join(path, LIVES_FILE));
}

/** Judges kept lives and the store that they left again; the failure, if it is still one. */
export function replayLives(artifact: string, scratch: string): Failure | undefined {
  const { lives, config } = JSON.parse(readFileSync(join(artifact, LIVES_FILE), "utf8")) as KeptLives;
  const oracle = new Oracle();
  let undecided: WriteOp[] = [];
  try {
    for (const [i, life] of lives.entries()) {
      const heard = hear(oracle, life);
      judgeLife(heard, life);
      const { inFlight } = heard;
      undecided.push(...inFlight.map(({ op }) => op));
      if (life.decision) {
        oracle.adopt(acceptedBy(life.decision, undecided), "open");
        undecided = [];
      } else if (i < lives.length - 1) leaveUndecided(oracle, inFlight);
    }
    const directory = join(scratch, STORE_DIRECTORY);
    cpSync(join(artifact, STORE_DIRECTORY), directory, { recursive: true });
    checkCopy(oracle, directory, config);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function acceptedBy({ state, happened, patch }: Decision, undecided: readonly WriteOp[]): Accepted {
  return { ok: true, states: [state], happened: undecided.filter(({ id }) => happened.includes(id)), patch };
}
