// What a hunt is made of: pieces of every campaign, each a fraction of a second, dealt out in turn. Nobody tells the hunt
// what it is looking for, so that no suite waits for another that has nothing to find.

import { findForgery } from "../../../crashtests/forged/forged.ts";
import { rotProblem } from "../../../crashtests/forged/rotten-blocks.ts";
import { findRefusal } from "../../../crashtests/refused/refusals.ts";
import { costOf, LOADS } from "../../../crashtests/shape/loads.ts";
import { stackProblem } from "../../../crashtests/shape/stacks.ts";
import { WHOLE } from "../../finding.ts";
import type { CampaignResult, HuntSuite } from "../tasks.ts";
import { HUNT_SUITES } from "../tasks.ts";
import { corpusUnits } from "../suites.ts";
import { discard } from "../keep.ts";
import { crashPieces, sequencePieces } from "./crash-pieces.ts";
import { damagePieces, fuzzPieces } from "./damage-pieces.ts";
import { faultPieces } from "./fault-pieces.ts";
import { catchOf, type HuntUnit, type UnitResult } from "./hunt-unit.ts";
import { runPieces } from "./run-pieces.ts";

/** Pieces of each suite in one round; in the first one those of the corpus, which take no time. */
const TURNS: Readonly<Record<HuntSuite, number>> = {
  corpus: 100,
  refused: 1,
  forged: 2,
  run: 6,
  shape: 8,
  rot: 2,
  sequences: 9,
  crash: 1,
  faults: 2,
  fuzz: 1,
};

/** Loads between two pieces of stacks. */
const LOADS_BETWEEN = 3;
/** Stacks in one piece. */
const STACKS = 100;

/** The pieces in their order, without end but for the corpus; of these suites alone, if any are named. */
export function* huntUnits(seed: string, suites: readonly HuntSuite[] = HUNT_SUITES): Generator<HuntUnit> {
  const makers: Readonly<Record<HuntSuite, Generator<HuntUnit>>> = {
    corpus: corpusPieces(),
    refused: refusedPieces(),
    forged: forgedPieces(),
    run: runPieces(seed, resultOf),
    shape: shapePieces(seed),
    rot: damagePieces(seed),
    sequences: sequencePieces(seed),
    crash: crashPieces(seed),
    faults: faultPieces(seed),
    fuzz: fuzzPieces(seed),
  };
  const left = new Set(suites);
  while (left.size > 0) {
    for (const suite of left) {
      for (let turn = 0; turn < TURNS[suite]; turn++) {
        const next = makers[suite].next();
        if (next.done === true) {
          left.delete(suite);
          break;
        }
        yield next.value;
      }
    }
  }
}

function* refusedPieces(): Generator<HuntUnit> {
  yield { suite: "refused", run: () => Promise.resolve({ executions: 1, found: findRefusal() }) };
}

function* forgedPieces(): Generator<HuntUnit> {
  yield oncePiece("forged", "C22", findForgery);
  yield oncePiece("forged", "C22", rotProblem);
}

// Loads are told apart by what they cost, which is known at once; stacks go on for ever.
function* shapePieces(seed: string): Generator<HuntUnit> {
  for (let n = 0; ; n++) {
    yield stacksPiece(`${seed}:shape:${n}`);
    for (const load of LOADS.slice(n * LOADS_BETWEEN, (n + 1) * LOADS_BETWEEN))
      yield oncePiece("shape", "C18", () => costOf(load));
  }
}

function stacksPiece(seed: string): HuntUnit {
  return {
    suite: "shape",
    run(host, until) {
      for (let n = 1; n <= STACKS && !until(); n++) {
        host.beat();
        const message = stackProblem(`${seed}:${n}`);
        if (message !== undefined) return Promise.resolve({ executions: n, found: { condition: "C4", message } });
      }
      return Promise.resolve({ executions: STACKS, found: undefined });
    },
  };
}

function oncePiece(suite: HuntSuite, condition: string, find: () => string | undefined): HuntUnit {
  return {
    suite,
    run() {
      const message = find();
      return Promise.resolve({ executions: 1, found: message === undefined ? undefined : { condition, message } });
    },
  };
}

function* corpusPieces(): Generator<HuntUnit> {
  for (const unit of corpusUnits(WHOLE)) {
    yield { suite: "corpus", run: async (host) => resultOf(await unit(host, Infinity)) };
  }
}

function resultOf({ units, found: [first] }: CampaignResult): UnitResult {
  if (!first) return { executions: units, found: undefined };
  discard(first);
  return { executions: units, found: catchOf(first.finding, first.mode) };
}
