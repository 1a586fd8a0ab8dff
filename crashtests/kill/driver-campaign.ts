// SIGKILL for engines that speak the protocol: the harness sends requests ahead of their answers, and kills the driver
// while it works on them, after the n-th answer or after a time. What was answered returned; what was only sent may have
// happened. Then a copy is opened by a new driver and judged by what the engine claims.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  capabilitiesFor,
  changesOf,
  commandLine,
  DriverDied,
  Failure,
  generate,
  isAsyncWrite,
  isWrite,
  makeScratch,
  Oracle,
  ProtocolError,
  Random,
  replayCommand,
  type StdioEngine,
  type StdioStore,
  type SyncWriteOp,
  type Ticket,
  writeArtifact,
  writeReport,
} from "tinykv/harness";
import { checkDriverCopy, type DriverLife, type FoundAlive, keepDriverLives } from "./driver-lives.ts";
import type { KillFailure } from "./keep-failure.ts";

export interface DriverKillOptions {
  readonly engine: StdioEngine;
  readonly seed: string;
  readonly rounds: number;
  /** The part of writes with sync, from 0 to 1; drawn when absent. */
  readonly syncRatio?: number;
  readonly dir?: string;
  readonly artifacts: string;
  readonly now: () => number;
  readonly progress?: (done: number, total: number) => void;
}

export interface DriverKillSummary {
  rounds: number;
  acked: number;
  readonly places: { time: number; ack: number };
  writes: number;
  syncWrites: number;
  readonly failures: KillFailure[];
}

/** Rounds in one directory before a fresh one is taken. */
const ROUNDS_PER_DIRECTORY = 10;
/** Requests under way: enough that a kill lands in the middle of work, few enough for a pipe. */
const AHEAD = 16;
/** Bytes of them: what fits into a pipe while the driver is busy with an answer. */
const AHEAD_BYTES = 32 << 10;
const KEYS_MOST = 300;
/** Operations that a round has at most; mostly it is killed long before. */
const OPS_MOST = 3000;

interface Death {
  readonly milliseconds: number;
  readonly answers: number;
}

/** A life on its way. */
type Living = { readonly ops: SyncWriteOp[]; readonly answered: number[]; readonly refused: number[] };

interface Chance {
  readonly seed: string;
  readonly random: Random;
}

interface Sent {
  readonly id: number;
  readonly ticket: Ticket;
  readonly op: SyncWriteOp;
  readonly bytes: number;
}

export function runDriverKills(options: DriverKillOptions): DriverKillSummary {
  const base = options.dir ?? makeScratch("tinykv-kill-");
  mkdirSync(base, { recursive: true });
  const summary: DriverKillSummary = {
    rounds: 0,
    acked: 0,
    places: { time: 0, ack: 0 },
    writes: 0,
    syncWrites: 0,
    failures: [],
  };
  try {
    for (let first = 0; first < options.rounds && summary.failures.length === 0; first += ROUNDS_PER_DIRECTORY) {
      const run = new DriverRun(options, join(base, `store-${first}`), summary);
      const rounds = Math.min(ROUNDS_PER_DIRECTORY, options.rounds - first);
      for (let round = first; round < first + rounds && summary.failures.length === 0; round++) {
        run.round(round);
        options.progress?.(summary.rounds, options.rounds);
      }
      run.remove();
    }
  } finally {
    if (!options.dir) rmSync(base, { recursive: true, force: true });
  }
  return summary;
}

/** One directory and the drivers that die in it. */
class DriverRun {
  readonly #options: DriverKillOptions;
  readonly #directory: string;
  readonly #summary: DriverKillSummary;
  readonly #oracle: Oracle;
  readonly #lives: DriverLife[] = [];
  #nextId = 1;
  #incarnation = 0;

  constructor(options: DriverKillOptions, directory: string, summary: DriverKillSummary) {
    this.#options = options;
    this.#directory = directory;
    this.#summary = summary;
    this.#oracle = new Oracle(options.engine.durability);
    this.remove();
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  round(round: number): void {
    const { engine, seed } = this.#options;
    const own = `${seed}:kill:${round}`;
    const random = new Random(own);
    const life = { ops: [] as SyncWriteOp[], answered: [] as number[], refused: [] as number[] };
    this.#lives.push(life);
    try {
      const store = opened(engine, this.#directory);
      this.#oracle.durable();
      try {
        this.#live(life, store, { seed: own, random });
      } catch (error) {
        const failure = findingOf(error);
        if (failure instanceof Failure) this.#lives[this.#lives.length - 1] = { ...life, found: foundAlive(failure) };
        throw failure;
      } finally {
        store.kill();
        store.reap();
      }
      const decision = checkDriverCopy(this.#oracle, engine, this.#directory);
      this.#lives[this.#lives.length - 1] = { ...life, decision };
      this.#summary.rounds++;
      this.#incarnation++;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#summary.failures.push(this.#keep(own, error));
    }
  }

  #keep(own: string, { condition, message, keys }: Failure): KillFailure {
    const { engine, seed, artifacts, rounds, syncRatio } = this.#options;
    const ops = this.#lives.flatMap((life) => life.ops);
    const log = { seed: own, workload: "write-heavy", config: "default", engine: engine.name, ops };
    const asked = syncRatio === undefined ? [] : ["--sync-ratio", syncRatio];
    const command = commandLine(["kill", "--seed", seed, "--rounds", rounds, "--engine", engine.name, ...asked]);
    const directory = writeArtifact(
      artifacts,
      { ...log, condition, message, keys, phase: "scan" },
      { campaign: "kill", command, store: this.#directory },
    );
    keepDriverLives(directory, { engine: engine.name, lives: this.#lives });
    writeReport(directory);
    return { condition, seed: own, directory, replay: replayCommand(directory), message };
  }

  // Sends until it is time, kills, and hears what was answered before.
  #live(life: Living, store: StdioStore, { seed, random }: Chance): void {
    const byTime = random.chance(1, 2);
    const death: Death = byTime
      ? { milliseconds: random.between(1, 150), answers: Number.POSITIVE_INFINITY }
      : { milliseconds: Number.POSITIVE_INFINITY, answers: random.between(1, 400) };
    const begun = this.#options.now();
    const sent: Sent[] = [];
    let answers = 0;
    let bytes = 0;
    for (const op of this.#writes(seed, random)) {
      while (sent.length >= AHEAD || (sent.length > 0 && bytes > AHEAD_BYTES)) {
        bytes -= sent[0]!.bytes;
        if (!this.#hear(life, store, sent.shift()!)) throw store.died();
        answers++;
      }
      if (answers >= death.answers || this.#options.now() - begun >= death.milliseconds) break;
      life.ops.push(op);
      const request = this.#send(store, op);
      sent.push(request);
      bytes += request.bytes;
    }
    store.kill();
    while (sent.length > 0 && this.#hear(life, store, sent[0]!)) sent.shift();
    this.#summary.places[byTime ? "time" : "ack"]++;
  }

  *#writes(seed: string, random: Random): Generator<SyncWriteOp> {
    const { capabilities } = this.#options.engine;
    const syncRatio = this.#options.syncRatio ?? random.pick([0, 0.3, 0.7]);
    const workload = random.pick(["write-heavy", "batch-heavy", "delete-heavy", "overwrite-hot"] as const);
    const keys = random.between(10, KEYS_MOST);
    const numbering = { firstId: this.#nextId, incarnation: this.#incarnation };
    for (const op of generate({ seed, workload, keys, ops: OPS_MOST, values: "small", syncRatio, ...numbering })) {
      if (!isWrite(op) || isAsyncWrite(op)) continue;
      if (capabilitiesFor(op).every((needed) => capabilities.has(needed))) yield op;
    }
  }

  #send(store: StdioStore, op: SyncWriteOp): Sent {
    const values = changesOf(op).map((change) => (change.kind === "put" ? change.value.id : 0));
    this.#nextId = values.reduce((most, id) => Math.max(most, id), op.id) + 1;
    const ticket = this.#oracle.issue(op);
    this.#summary.writes++;
    if (op.sync) this.#summary.syncWrites++;
    return { ...store.sendWrite(op), ticket, op };
  }

  // False if the driver had died before it answered.
  #hear(life: Living, store: StdioStore, { id, ticket, op }: Sent): boolean {
    const reply = store.answer(id);
    if (reply === undefined) return false;
    if (!reply.ok) {
      if (reply.code !== "UNSUPPORTED")
        throw new Failure("C8", `${op.kind} was refused: ${reply.code} ${reply.message}`, op.id);
      this.#oracle.refused(ticket);
      life.refused.push(op.id);
      return true;
    }
    this.#oracle.returned(ticket);
    life.answered.push(op.id);
    this.#summary.acked++;
    return true;
  }
}

function foundAlive({ condition, message, op }: Failure): FoundAlive {
  return { condition, message, op };
}

// Any other end than the one that was meant is a finding, and so is what is no answer to what was asked.
function findingOf(error: unknown): unknown {
  if (error instanceof DriverDied) return failureOfDeath(error);
  return error instanceof ProtocolError ? new Failure("C8", error.message, undefined, { cause: error }) : error;
}

function failureOfDeath(death: DriverDied): Failure {
  return new Failure(death.hung ? "C28" : "C1", death.message, undefined, { cause: death });
}

function opened(engine: StdioEngine, directory: string): StdioStore {
  try {
    return engine.open(directory, "default");
  } catch (error) {
    if (error instanceof DriverDied && error.hung) throw failureOfDeath(error);
    throw new Failure("C1", `the store does not open: ${String(error)}`, undefined, { cause: error });
  }
}
