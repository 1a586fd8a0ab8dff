// All cases there are, or a sample of them, judged and counted.

import { isMine, Random, type Shard } from "tinykv/harness";
import { DAMAGE_KINDS, damagesOf, type Damage, type DamageKind } from "./damage.ts";
import { judge } from "./judgement.ts";
import type { Opener } from "./reads.ts";
import { makeSubject, SUBJECT_NAMES, type Subject, type SubjectName } from "./subject.ts";
import { ACCESSES, MODES, nameOf, type Outcome, type Trial } from "./trial.ts";

export interface CampaignOptions {
  readonly seed: string;
  /** So many cases, drawn by the seed, of each kind of damage about as many; absent: all. */
  readonly sample?: number;
  readonly shard: Shard;
  /** Default: tinykv's own. */
  readonly opener?: Opener;
}

/** How often each outcome came of one kind of damage to one kind of file, opened in one way. */
export interface TallyRow {
  readonly subject: SubjectName;
  readonly access: string;
  readonly mode: string;
  readonly damage: DamageKind;
  readonly file: string;
  readonly outcomes: Partial<Record<Outcome | "wrong", number>>;
}

export interface CampaignFailure {
  readonly name: string;
  readonly wrong: string;
}

export interface CampaignResult {
  readonly cases: number;
  readonly rows: readonly TallyRow[];
  readonly failures: readonly CampaignFailure[];
}

/** A case that takes longer, twice, hangs as far as anyone can tell: a case takes about a millisecond. */
const SECONDS_MOST = 2;
/** The ways to open a store. */
const WAYS = ACCESSES.length * MODES.length;

/** A damaged store, to be opened in each way. */
export interface Unit {
  readonly subject: Subject;
  readonly damage: Damage;
}

/** Every case, by its number. */
export class Cases {
  readonly units: readonly Unit[] = SUBJECT_NAMES.map((name) => makeSubject(name)).flatMap((subject) =>
    damagesOf(subject).map((damage) => ({ subject, damage })),
  );

  get count(): number {
    return this.units.length * WAYS;
  }

  at(index: number): Trial {
    const way = index % WAYS;
    const access = ACCESSES[Math.floor(way / MODES.length)]!;
    return { ...this.units[Math.floor(index / WAYS)]!, access, mode: MODES[way % MODES.length]! };
  }

  /** The case of that name; undefined if there is none. */
  named(name: string): Trial | undefined {
    for (let index = 0; index < this.count; index++) if (nameOf(this.at(index)) === name) return this.at(index);
    return undefined;
  }

  /** The numbers of the cases that a campaign judges, in its order. */
  chosen({ seed, sample, shard }: CampaignOptions): number[] {
    if (sample !== undefined) return this.#drawn(new Random(`rot ${seed}`), sample).filter((_, n) => isMine(shard, n));
    const all = Array.from({ length: this.count }, (_, index) => index);
    // Ways to open one damage stay together: they differ in cost, and shards should not.
    return all.filter((index) => isMine(shard, Math.floor(index / WAYS)));
  }

  // Kinds take turns, so that the few deletions are not lost among the many bits.
  #drawn(random: Random, sample: number): number[] {
    const byKind = new Map<DamageKind, number[]>(DAMAGE_KINDS.map((kind) => [kind, []]));
    this.units.forEach(({ damage }, n) => {
      const left = byKind.get(damage.kind)!;
      for (let way = 0; way < WAYS; way++) left.push(n * WAYS + way);
    });
    const drawn: number[] = [];
    const wanted = Math.min(sample, this.count);
    while (drawn.length < wanted) {
      for (const left of byKind.values()) {
        if (left.length === 0 || drawn.length === wanted) continue;
        const at = random.int(left.length);
        drawn.push(left[at]!);
        left[at] = left.at(-1)!;
        left.pop();
      }
    }
    return drawn;
  }
}

/** `tell` is told of each case before it is judged, by its number. */
export function runCampaign(cases: Cases, options: CampaignOptions, tell?: (index: number) => void): CampaignResult {
  const rows = new Map<string, TallyRow>();
  const failures: CampaignFailure[] = [];
  const chosen = cases.chosen(options);
  for (const index of chosen) {
    tell?.(index);
    const trial = cases.at(index);
    const verdict = judgeInTime(trial, options.opener);
    if (verdict.outcome === "wrong") failures.push({ name: nameOf(trial), wrong: verdict.wrong });
    count(rows, trial, verdict.outcome, 1);
  }
  return { cases: chosen.length, rows: [...rows.values()], failures };
}

/** Several shards' results as one. */
export function merged(results: readonly CampaignResult[]): CampaignResult {
  const rows = new Map<string, TallyRow>();
  for (const row of results.flatMap((result) => result.rows)) {
    const known = rows.get(keyOf(row));
    rows.set(keyOf(row), known ? { ...row, outcomes: sum(known.outcomes, row.outcomes) } : row);
  }
  return {
    cases: results.reduce((total, result) => total + result.cases, 0),
    rows: [...rows.values()],
    failures: results.flatMap((result) => result.failures),
  };
}

export function sum(a: TallyRow["outcomes"], b: TallyRow["outcomes"]): TallyRow["outcomes"] {
  const total: TallyRow["outcomes"] = { ...a };
  for (const [outcome, n] of Object.entries(b) as [Outcome | "wrong", number][]) {
    total[outcome] = (total[outcome] ?? 0) + n;
  }
  return total;
}

function judgeInTime(trial: Trial, opener: Opener | undefined): ReturnType<typeof judge> {
  for (let attempt = 1; ; attempt++) {
    const begun = performance.now();
    const verdict = judge(trial, opener);
    const seconds = (performance.now() - begun) / 1000;
    if (seconds <= SECONDS_MOST || verdict.outcome === "wrong") return verdict;
    if (attempt === 2) return { outcome: "wrong", wrong: `took ${seconds.toFixed(1)} s, and before as long` };
  }
}

/** What damaged files have in common. */
function fileKind({ subject, damage: { file } }: Trial): string {
  if (file.endsWith(".sst")) return "table";
  if (file.endsWith(".log")) return file === subject.logs.at(-1) ? "newest log" : "older log";
  return file.replace(/-\d+$/, "");
}

function count(rows: Map<string, TallyRow>, trial: Trial, outcome: Outcome | "wrong", n: number): void {
  const { subject, access, mode, damage } = trial;
  const row = { subject: subject.name, access, mode, damage: damage.kind, file: fileKind(trial), outcomes: {} };
  const { outcomes } = rows.get(keyOf(row)) ?? row;
  rows.set(keyOf(row), { ...row, outcomes: sum(outcomes, { [outcome]: n }) });
}

function keyOf({ subject, access, mode, damage, file }: TallyRow): string {
  return [subject, access, mode, damage, file].join("|");
}
