// The lives of one directory under another engine, as data: what was sent, what was answered, what the check decided. As in
// lives.ts, a kill that was a failure is judged again from them and from the store that was kept.

import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Accepted,
  checkEverything,
  DriverDied,
  Failure,
  failureOf,
  Oracle,
  recoveredFrom,
  type StdioEngine,
  type StdioStore,
  type SyncWriteOp,
} from "tinykv/harness";

export interface DriverLife {
  readonly ops: readonly SyncWriteOp[];
  /** Operations that were answered, and those that the engine does not do. */
  readonly answered: readonly number[];
  readonly refused: readonly number[];
  /** What the check found; absent of the life that is to be judged. */
  readonly decision?: Pick<Accepted, "states" | "patch">;
  /** What was found before the check: the driver ended by itself, hung, or refused. */
  readonly found?: FoundAlive;
}

export type FoundAlive = Pick<Failure, "condition" | "message" | "op">;

export interface KeptDriverLives {
  readonly engine: string;
  readonly lives: readonly DriverLife[];
}

const LIVES_FILE = "driver-lives.json";

export function keepDriverLives(artifact: string, kept: KeptDriverLives): void {
  writeFileSync(join(artifact, LIVES_FILE), `${JSON.stringify(kept)}\n`);
}

/** Undefined if there are none. */
export function keptDriverLives(artifact: string): KeptDriverLives | undefined {
  const file = join(artifact, LIVES_FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as KeptDriverLives) : undefined;
}

/** Judges what the last life left again; the failure, if it is still one. */
export function replayDriverLives(
  { lives }: KeptDriverLives,
  { artifact, scratch, engine }: { readonly artifact: string; readonly scratch: string; readonly engine: StdioEngine },
): Failure | undefined {
  const oracle = new Oracle(engine.durability);
  for (const life of lives) {
    oracle.durable();
    tell(oracle, life);
    // As it was heard: when a driver ends by itself is not in its store.
    if (life.found) return new Failure(life.found.condition, life.found.message, life.found.op);
    if (life.decision) oracle.adopt({ ok: true, happened: [], ...life.decision }, "open");
  }
  const directory = join(scratch, "store");
  const kept = join(artifact, "store");
  if (existsSync(kept)) cpSync(kept, directory, { recursive: true });
  try {
    checkDriverCopy(oracle, engine, directory);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

// Where the answers fell between the requests makes no difference at the end.
function tell(oracle: Oracle, { ops, answered, refused }: DriverLife): void {
  const tickets = new Map(ops.map((op) => [op.id, oracle.issue(op)]));
  for (const id of answered) oracle.returned(tickets.get(id)!);
  for (const id of refused) oracle.refused(tickets.get(id)!);
}

/** Opens a copy of what a driver left in a new one, and asks it everything; throws Failure. */
export function checkDriverCopy(
  oracle: Oracle,
  engine: StdioEngine,
  directory: string,
): Pick<Accepted, "states" | "patch"> {
  const copy = `${directory}.check`;
  rmSync(copy, { recursive: true, force: true });
  // A driver may answer, and never make it.
  if (existsSync(directory)) cpSync(directory, copy, { recursive: true });
  let store: StdioStore | undefined;
  try {
    store = engine.open(copy, "default");
    const verdict = oracle.judge(oracle.window("kill"), recoveredFrom(store, engine.capabilities, oracle.model));
    if (!verdict.ok) throw failureOf(verdict.violation);
    oracle.adopt(verdict, "open");
    checkEverything(store, oracle.model, engine.capabilities);
    return { states: verdict.states, patch: verdict.patch };
  } catch (error) {
    if (error instanceof Failure) throw error;
    const hung = error instanceof DriverDied && error.hung;
    throw new Failure(hung ? "C28" : store ? "C8" : "C1", String(error), undefined, { cause: error });
  } finally {
    store?.kill();
    store?.reap();
    rmSync(copy, { recursive: true, force: true });
  }
}
