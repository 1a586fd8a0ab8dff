// Bytes that are not those that were written: rot in whole stores, inputs of decoders.

import { Cases } from "../../../crashtests/rot/campaign.ts";
import { judge } from "../../../crashtests/rot/judgement.ts";
import { nameOf } from "../../../crashtests/rot/trial.ts";
import { runVaried } from "../../../crashtests/rot/varied.ts";
import type { Campaign } from "../../../fuzz/campaign.ts";
import { WHOLE } from "../../finding.ts";
import type { WorkerHost } from "../worker-host.ts";
import type { Catch, HuntUnit, UnitResult } from "./hunt-unit.ts";

const CASES = 120;
/** More than any hunt comes to. */
const CASES_MOST = 30_000;

/** Of one target, in one piece, and no longer than this: some are a hundred times as quick as others. */
const EXECUTIONS = 100;
const TARGET_MILLISECONDS = 30;

const SLOW = /^\d+ ms for an input/;

/** The small stores of which every byte may rot, and stores of other shapes, in turn. */
export function* damagePieces(seed: string): Generator<HuntUnit> {
  let cases: Cases | undefined;
  let chosen: readonly number[] = [];
  for (let n = 0; ; n++) {
    yield {
      suite: "rot",
      async run(host, until) {
        if (!cases) {
          cases = new Cases();
          chosen = cases.chosen({ seed, sample: CASES_MOST, shard: WHOLE });
        }
        return judged(cases, chosen.slice(n * CASES, (n + 1) * CASES), host, until);
      },
    };
    yield {
      suite: "rot",
      async run(host, until) {
        const isOver = (): boolean => {
          host.beat();
          return until();
        };
        const { cases: executions, wrong } = runVaried({ seed: `${seed}:${n}`, cases: CASES, until: isOver });
        return { executions, found: wrong === undefined ? undefined : { condition: "C22", message: wrong } };
      },
    };
  }
}

function judged(cases: Cases, chosen: readonly number[], host: WorkerHost, until: () => boolean): UnitResult {
  let executions = 0;
  for (const index of chosen) {
    if (until()) break;
    host.beat();
    executions++;
    const trial = cases.at(index);
    const { outcome, wrong } = judge(trial);
    if (outcome === "wrong") return { executions, found: { condition: "C22", message: `${nameOf(trial)}: ${wrong}` } };
  }
  return { executions, found: undefined };
}

/** All targets, a little of each. */
export function* fuzzPieces(seed: string): Generator<HuntUnit> {
  const campaigns: Campaign[] = [];
  let found: Catch | undefined;
  for (;;) {
    yield {
      suite: "fuzz",
      async run(host, until) {
        if (campaigns.length === 0) {
          const tell = (message: string): void => void (found ??= { condition: "C22", message });
          campaigns.push(...(await makeCampaigns(seed, host, tell)));
        }
        let executions = 0;
        for (const campaign of campaigns) {
          if (found || until()) break;
          const first = campaign.executions;
          const end = performance.now() + TARGET_MILLISECONDS;
          if (first === 0) campaign.start(EXECUTIONS);
          else while (!found && campaign.executions < first + EXECUTIONS && performance.now() < end) campaign.step();
          executions += campaign.executions - first;
        }
        return { executions, found };
      },
    };
  }
}

// Targets make stores when they are loaded, which a broken engine may not survive.
async function makeCampaigns(seed: string, host: WorkerHost, tell: (message: string) => void): Promise<Campaign[]> {
  const { Campaign, firstInputs, TARGETS } = await import("./fuzz-parts.ts");
  return TARGETS.map((target) => {
    // How long it took says little of one who shares its core.
    const found = ({ problem }: { readonly problem: string }): void => {
      if (!SLOW.test(problem)) tell(`${target.name}: ${problem}`);
    };
    const corpus = firstInputs(target.name, "artifacts");
    return new Campaign({ target, seed, corpus, announce: () => host.beat(), found });
  });
}
