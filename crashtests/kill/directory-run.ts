// One store directory and the children that die in it, one after the other. The oracle knows from the seed what each
// child was to do, and from its records how far it came; after each death a copy of the directory is checked in full.

import { cpSync, rmSync } from "node:fs";
import {
  changesOf,
  checkEverything,
  entriesOf,
  Failure,
  failureOf,
  isWrite,
  levelsOf,
  Oracle,
  parseConfiguration,
  printOp,
  TinyKVEngine,
  type Op,
  type Ticket,
} from "tinykv/harness";
import { isRecorded, operationsOf } from "./child.ts";
import type { ChildPlan } from "./plan.ts";
import { RECORD_EVENTS, RecordKind, type Record } from "./records.ts";
import { spawnChild, type ChildEnd } from "./spawn-child.ts";

/** Where a death fell, as the summary counts it. */
export type Place =
  | "flush"
  | "compaction"
  | "log-rotation"
  | "manifest-rotation"
  | "inside-open"
  | "inside-open-with-logs";

export interface RoundResult {
  readonly acknowledged: number;
  readonly places: ReadonlySet<Place>;
  readonly syncWrites: number;
  readonly writes: number;
}

const PLACE_OF_EVENT: readonly Place[] = ["flush", "compaction", "log-rotation", "manifest-rotation"];

export class DirectoryRun {
  readonly directory: string;
  readonly #oracle = new Oracle();
  #nextId = 1;
  #incarnation = 0;
  #levels = 0;
  readonly #log: string[] = [];

  readonly #afterDeath: (directory: string) => void;

  /** `afterDeath` may change what a child left, before it is checked: how the suite itself is tested. */
  constructor(directory: string, afterDeath: (directory: string) => void = () => undefined) {
    this.directory = directory;
    this.#afterDeath = afterDeath;
  }

  get nextId(): number {
    return this.#nextId;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** The most levels that the store was ever opened with: it may refuse fewer. */
  get levels(): number {
    return this.#levels;
  }

  /** What was issued so far, as the lines of an op log. */
  get opLog(): readonly string[] {
    return this.#log;
  }

  /** One child's life and the check after it; throws Failure. */
  async round(plan: ChildPlan): Promise<RoundResult> {
    this.#levels = Math.max(this.#levels, levelsOf(parseConfiguration(plan.config)));
    const end = await spawnChild(plan);
    expectKilled(end);
    const told = this.#hear(plan, end.records);
    this.#afterDeath(this.directory);
    const replayedLogs = this.#check(`${plan.config},numLevels=${this.#levels}`);
    if (told.insideOpen) {
      told.places.add("inside-open");
      if (replayedLogs) told.places.add("inside-open-with-logs");
    }
    this.#incarnation++;
    return told;
  }

  // Feeds the oracle with what the records say was issued and returned.
  #hear(plan: ChildPlan, records: readonly Record[]): RoundResult & { places: Set<Place>; insideOpen: boolean } {
    const places = new Set<Place>();
    let insideOpen = true;
    const begun = new Map<number, { op: Op; ticket: Ticket | undefined }>();
    const result = { acknowledged: 0, syncWrites: 0, writes: 0 };
    const recorded = operationsOf(plan);
    this.#log.push(`# incarnation ${plan.incarnation} config=${plan.config}`);
    for (const { kind, number } of records) {
      if (kind === RecordKind.openEnd) {
        insideOpen = false;
        // A writable open makes durable what it served.
        this.#oracle.durable();
      } else if (kind === RecordKind.event && !insideOpen) {
        if (number < RECORD_EVENTS.length) places.add(PLACE_OF_EVENT[number]!);
      } else if (kind === RecordKind.intent) {
        const op = nextRecorded(recorded, number);
        this.#nextId = lastIdOf(op) + 1;
        this.#log.push(printOp(op));
        begun.set(op.id, { op, ticket: isWrite(op) ? this.#oracle.issue(op) : undefined });
        if (op.kind === "reopen") this.#levels = Math.max(this.#levels, levelsOf(parseConfiguration(op.config)));
        if (isWrite(op)) {
          result.writes++;
          if (op.sync) result.syncWrites++;
        }
      } else if (kind === RecordKind.acknowledged) {
        const current = begun.get(number)!;
        begun.delete(number);
        if (current.ticket) this.#oracle.returned(current.ticket);
        else if (current.op.kind !== "step") this.#oracle.durable();
        if (current.op.kind === "reopen") places.clear();
        result.acknowledged++;
      }
    }
    return { ...result, places, insideOpen };
  }

  // True when the copy had logs with records to replay.
  #check(config: string): boolean {
    const copy = `${this.directory}.check`;
    rmSync(copy, { recursive: true, force: true });
    cpSync(this.directory, copy, { recursive: true });
    const engine = new TinyKVEngine();
    let replayed = 0;
    const store = engine.open(copy, config);
    try {
      replayed = store.replayedRecords();
      const verdict = this.#oracle.judge(this.#oracle.window("kill"), entriesOf(store));
      if (!verdict.ok) throw failureOf(verdict.violation);
      this.#oracle.adopt(verdict, "open");
      checkEverything(store, this.#oracle.model, engine.capabilities);
      const problem = [...store.verify(), ...store.inspect()][0];
      if (problem !== undefined) throw new Failure("C15", problem);
    } finally {
      store.close();
    }
    rmSync(copy, { recursive: true, force: true });
    return replayed > 0;
  }
}

/** An operation has an id, and each of its values one of its own: the next incarnation starts behind all of them. */
function lastIdOf(op: Op): number {
  const values = isWrite(op) ? changesOf(op).map((change) => (change.kind === "put" ? change.value.id : 0)) : [];
  return values.reduce((most, id) => Math.max(most, id), op.id);
}

function nextRecorded(operations: Generator<Op>, id: number): Op {
  for (;;) {
    const next = operations.next();
    if (next.done) throw new Error(`the child issued operation ${id}, which its seed does not make`);
    if (next.value.id === id) return next.value;
    if (isRecorded(next.value)) throw new Error(`the child skipped operation ${next.value.id}`);
  }
}

function expectKilled({ signal, exitCode, stderr, hung }: ChildEnd): void {
  if (hung) throw new Failure("C28", `the child hung: ${stderr}`);
  if (exitCode === 70) throw new Error(`the child could not write its records: ${stderr}`);
  if (signal !== "SIGKILL")
    throw new Failure("C1", `the child ended by itself (exit ${exitCode}, signal ${signal}): ${stderr}`);
}
