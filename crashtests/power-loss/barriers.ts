// Barrier coverage: each sync of the engine is taken away, and something must show that it was needed; then it comes late,
// after the next call. A sync that nothing exposes is tried together with each other one that nothing exposed: two that
// mask each other stay, and are named as "either of".

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
  readonly #findings: Finding[] = [];
  #images = 0;

  constructor(seed: string, host: CampaignHost) {
    this.#seed = seed;
    this.#host = host;
  }

  async run(): Promise<BarriersResult> {
    for (const scenario of SCENARIOS) await this.#pass(scenario);
    const exposures = new Map<Barrier, Exposure | undefined>();
    for (const barrier of BARRIERS) exposures.set(barrier, await this.#expose([barrier], "skip"));
    const hidden = BARRIERS.filter((barrier) => exposures.get(barrier) === undefined);
    const barriers: BarrierReport[] = [];
    for (const name of BARRIERS) {
      const exposure = exposures.get(name);
      const eitherOf = exposure ? [] : await this.#masking(name, hidden);
      const late = exposure && (await this.#expose([name], "defer", this.#someFor(name, exposure.scenario)));
      barriers.push({
        name,
        reached: this.#reachedBy.get(name)?.count ?? 0,
        exposedBy: exposure?.scenario.name ?? "",
        ops: exposure?.finding.ops.filter(({ kind }) => kind !== "crash").length ?? 0,
        condition: exposure?.finding.condition ?? "",
        lateBy: late?.scenario.name ?? "",
        eitherOf,
      });
    }
    // What exposes a missing sync shows nothing when none is missing.
    for (const scenario of new Set([...exposures.values()].map((exposure) => exposure?.scenario))) {
      const finding = scenario && (await this.#run(scenario, () => "do"));
      if (finding) this.#findings.push(finding);
    }
    for (const report of barriers) this.#demand(report);
    return { barriers, images: this.#images, findings: this.#findings };
  }

  async #pass(scenario: Scenario): Promise<void> {
    const { reached, makeEngine } = withPolicy(() => "do");
    await scenario.pass({ seed: this.#seed, host: this.#host, makeEngine });
    for (const [barrier, count] of reached) {
      const known = this.#reachedBy.get(barrier) ?? { count: 0, scenarios: [] };
      known.count += count;
      known.scenarios.push(scenario);
      this.#reachedBy.set(barrier, known);
    }
  }

  // What shows that a sync is missing mostly shows that it is late, too; not all scenarios are asked again.
  #someFor(barrier: Barrier, first: Scenario): ReadonlySet<Scenario> {
    return new Set([first, ...(this.#reachedBy.get(barrier)?.scenarios ?? []).slice(0, LATE_SCENARIOS)]);
  }

  // The others without which, and without this one, something shows.
  async #masking(name: Barrier, hidden: readonly Barrier[]): Promise<readonly Barrier[]> {
    const masking: Barrier[] = [];
    for (const other of hidden) if (other !== name && (await this.#expose([name, other], "skip"))) masking.push(other);
    return masking;
  }

  async #expose(
    barriers: readonly Barrier[],
    policy: SyncPolicy,
    scenarios: ReadonlySet<Scenario> = new Set(
      barriers.flatMap((barrier) => this.#reachedBy.get(barrier)?.scenarios ?? []),
    ),
  ): Promise<Exposure | undefined> {
    for (const scenario of scenarios) {
      const finding = await this.#run(scenario, (barrier) => (barriers.includes(barrier) ? policy : "do"));
      if (finding) return { scenario, finding };
    }
    return undefined;
  }

  async #run(scenario: Scenario, policy: (barrier: Barrier) => SyncPolicy): Promise<Finding | undefined> {
    const { makeEngine } = withPolicy(policy);
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

/** The engine with syncs as the policy says, and how often it asked for each. */
function withPolicy(policy: (barrier: Barrier) => SyncPolicy): {
  readonly makeEngine: EngineMaker;
  readonly reached: ReadonlyMap<Barrier, number>;
} {
  const reached = new Map<Barrier, number>();
  const counted = (barrier: Barrier): SyncPolicy => {
    reached.set(barrier, (reached.get(barrier) ?? 0) + 1);
    return policy(barrier);
  };
  return { makeEngine: (env) => new TinyKVEngine({ env: new BarrierEnv(env, counted) }), reached };
}
