// Barrier coverage: each sync of the engine is taken away, and something must show that it was needed; then it comes late,
// just before the next call, wherever somebody could see that (late-syncs.ts). A sync that nothing exposes is tried
// together with each other one that nothing exposed: two that mask each other stay, and are named as "either of".

import { BARRIERS, type Barrier } from "tinykv/env";
import {
  BarrierEnv,
  type CampaignHost,
  type EngineMaker,
  type Finding,
  type SyncPolicy,
  TinyKVEngine,
} from "tinykv/harness";
import { SCENARIOS } from "./barrier-scenarios.ts";
import { watchingSyncs } from "./late-syncs.ts";
import type { Scenario } from "./scenario.ts";

export interface BarrierReport {
  readonly name: Barrier;
  /** How often the scenarios come by it. */
  readonly reached: number;
  /** The scenario that shows that it is missing; "" if none does. */
  readonly exposedBy: string;
  /** How many operations that scenario has. */
  readonly ops: number;
  /** The condition that failed. */
  readonly condition: string;
  /** The scenario that shows that it comes late; "" if none does. */
  readonly lateBy: string;
  /** Barriers that do its work as well: without both, something shows. */
  readonly eitherOf: readonly Barrier[];
}

export interface BarriersResult {
  readonly barriers: readonly BarrierReport[];
  readonly images: number;
  /** Barriers that are never reached or never exposed, and what shows without any barrier being missing. */
  readonly findings: readonly Finding[];
}

interface Exposure {
  readonly scenario: Scenario;
  readonly finding: Finding;
}

/** A run in which every sync comes in time. */
interface Punctual {
  readonly finding: Finding | undefined;
  /** The barriers of syncs that somebody would have seen come late. */
  readonly seen: ReadonlySet<Barrier>;
}

/** Scenarios that are asked whether a sync comes late, beside the one that misses it. */
const LATE_SCENARIOS = 12;

/** Tries all barriers. */
export function runBarriers({ seed }: { readonly seed: string }, host: CampaignHost): Promise<BarriersResult> {
  return new BarrierCoverage(seed, host).run();
}

class BarrierCoverage {
  readonly #seed: string;
  readonly #host: CampaignHost;
  readonly #reachedBy = new Map<Barrier, { count: number; scenarios: Scenario[] }>();
  readonly #punctual = new Map<Scenario, Punctual>();
  readonly #findings: Finding[] = [];
  #images = 0;

  constructor(seed: string, host: CampaignHost) {
    this.#seed = seed;
    this.#host = host;
  }

  async run(): Promise<BarriersResult> {
    for (const scenario of SCENARIOS) await this.#pass(scenario);
    const exposures = new Map<Barrier, Exposure | undefined>();
    for (const barrier of BARRIERS) exposures.set(barrier, await this.#expose([barrier]));
    const hidden = BARRIERS.filter((barrier) => exposures.get(barrier) === undefined);
    const barriers: BarrierReport[] = [];
    for (const name of BARRIERS) {
      const exposure = exposures.get(name);
      const eitherOf = exposure ? [] : await this.#masking(name, hidden);
      const late = exposure && (await this.#lateBy(name, exposure.scenario));
      barriers.push({
        name,
        reached: this.#reachedBy.get(name)?.count ?? 0,
        exposedBy: exposure?.scenario.name ?? "",
        ops: exposure?.finding.ops.filter(({ kind }) => kind !== "crash").length ?? 0,
        condition: exposure?.finding.condition ?? "",
        lateBy: late?.name ?? "",
        eitherOf,
      });
    }
    // What exposes a missing sync shows nothing when none is missing.
    for (const scenario of new Set([...exposures.values()].map((exposure) => exposure?.scenario))) {
      const punctual = scenario && (await this.#inTime(scenario));
      if (punctual?.finding) this.#findings.push(punctual.finding);
    }
    for (const report of barriers) this.#demand(report);
    return { barriers, images: this.#images, findings: this.#findings };
  }

  async #pass(scenario: Scenario): Promise<void> {
    const { reached, makeEngine } = withPolicy("do", BARRIERS);
    await scenario.pass({ seed: this.#seed, host: this.#host, makeEngine });
    for (const [barrier, count] of reached) {
      const known = this.#reachedBy.get(barrier) ?? { count: 0, scenarios: [] };
      known.count += count;
      known.scenarios.push(scenario);
      this.#reachedBy.set(barrier, known);
    }
  }

  // The first scenario that shows that the barrier's syncs come late.
  async #lateBy(barrier: Barrier, first: Scenario): Promise<Scenario | undefined> {
    for (const scenario of this.#someFor(barrier, first)) {
      const punctual = await this.#inTime(scenario);
      // Else it would be the same run.
      const differs = punctual.finding !== undefined || punctual.seen.has(barrier);
      if (differs && (await this.#run(scenario, withPolicy("defer", [barrier]).makeEngine))) return scenario;
    }
    return undefined;
  }

  async #inTime(scenario: Scenario): Promise<Punctual> {
    const known = this.#punctual.get(scenario);
    if (known) return known;
    const { makeEngine, seen } = watchingSyncs();
    const punctual = { finding: await this.#run(scenario, makeEngine), seen };
    this.#punctual.set(scenario, punctual);
    return punctual;
  }

  // What shows that a sync is missing mostly shows that it is late, too; not all scenarios are asked again.
  #someFor(barrier: Barrier, first: Scenario): ReadonlySet<Scenario> {
    return new Set([first, ...(this.#reachedBy.get(barrier)?.scenarios ?? []).slice(0, LATE_SCENARIOS)]);
  }

  // The others without which, and without this one, something shows.
  async #masking(name: Barrier, hidden: readonly Barrier[]): Promise<readonly Barrier[]> {
    const masking: Barrier[] = [];
    for (const other of hidden) if (other !== name && (await this.#expose([name, other]))) masking.push(other);
    return masking;
  }

  // The first scenario that shows that the syncs of these barriers are missing.
  async #expose(barriers: readonly Barrier[]): Promise<Exposure | undefined> {
    for (const scenario of new Set(barriers.flatMap((barrier) => this.#reachedBy.get(barrier)?.scenarios ?? []))) {
      const finding = await this.#run(scenario, withPolicy("skip", barriers).makeEngine);
      if (finding) return { scenario, finding };
    }
    return undefined;
  }

  async #run(scenario: Scenario, makeEngine: EngineMaker): Promise<Finding | undefined> {
    const { finding, images } = await scenario.run({ seed: this.#seed, host: this.#host, makeEngine });
    this.#images += images;
    return finding;
  }

  #demand({ name, reached, exposedBy, eitherOf }: BarrierReport): void {
    if (exposedBy !== "" || eitherOf.length > 0) return;
    const message = reached === 0 ? `no scenario comes by ${name}` : `nothing shows that ${name} is needed`;
    const unit = { seed: this.#seed, workload: "barriers", config: "", ops: [], keys: [] };
    this.#findings.push({ ...unit, condition: "C3", phase: "barriers", message });
  }
}

/** The engine with the syncs of these barriers as the policy says, and how often it asked for each. */
function withPolicy(
  policy: SyncPolicy,
  barriers: readonly Barrier[],
): { readonly makeEngine: EngineMaker; readonly reached: ReadonlyMap<Barrier, number> } {
  const reached = new Map<Barrier, number>();
  const counted = (barrier: Barrier): SyncPolicy => {
    reached.set(barrier, (reached.get(barrier) ?? 0) + 1);
    return barriers.includes(barrier) ? policy : "do";
  };
  return { makeEngine: (env) => new TinyKVEngine({ env: new BarrierEnv(env, counted) }), reached };
}
