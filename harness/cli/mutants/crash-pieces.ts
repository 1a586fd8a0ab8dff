// Simulated power loss: every crash of short sequences of operations, some crashes of longer logs.

import { SCENARIOS } from "../../../crashtests/power-loss/barrier-scenarios.ts";
import { linkless } from "../../../crashtests/power-loss/odd-scenarios.ts";
import { runOne, runSampled } from "../../../crashtests/power-loss/campaign.ts";
import { LETTERS, SEQUENCE_CONFIGS, sequenceOf } from "../../../crashtests/power-loss/sequences.ts";
import type { WorkloadName } from "../../workloads/mixes.ts";
import { Random } from "../../workloads/random.ts";
import { tinykvMaker } from "../campaign-tasks.ts";
import { catchOf, type HuntUnit, TINY } from "./hunt-unit.ts";

/** What shows most in the shortest time. */
const FIRST_SCENARIOS = [
  "salvage",
  "destroy",
  "put",
  "putAsync",
  "put flush (manual)",
  "big putSync (manual)",
  "put big (manual)",
  "put big putSync (manual)",
  "checkpoint",
  "put putSync (manual)",
  "putSync checkpoint (manual)",
  "putSync reopen put reopen (manual)",
  "putSync flush compact (manual)",
  "put big sync (manual)",
  "big reopen (manual)",
  "flush checkpoint (manual)",
  "bigBatch reopen (manual)",
  "big big (manual)",
  "big big putSync (manual)",
  "put flush put flush compact (manual)",
];

/** Drawn sequences have so many letters; crashes in recovery, which cost most, are the scenarios' and the sampled logs'. */
const LETTERS_MOST = 4;
/** Letters that show little, and cost much. */
const RARE = new Set(["checkpoint", "openReadOnly", "sync"]);

const OPS = 80;
const IMAGES = 60;
const CONFIGS = [
  `${TINY},logBlockSize=512`,
  "least",
  `${TINY},walRecycle=false,background=manual,logBlockSize=2048`,
  "small,writeBufferSize=4096,maxWriteBufferNumber=1,logBlockSize=2048",
];
const WORKLOADS: readonly WorkloadName[] = [
  "housekeeping",
  "mixed",
  "write-heavy",
  "housekeeping",
  "batch-heavy",
  "delete-heavy",
  "async",
];

/** Behind so many: a long one. */
const COPIED_TABLES_TURN = 9;

/** Scenarios first, then one of those that are left and a drawn sequence in turn. */
export function* sequencePieces(seed: string): Generator<HuntUnit> {
  const scenarios = scenarioPieces(seed);
  for (let n = 0; n < FIRST_SCENARIOS.length; n++) {
    yield scenarios.next().value!;
    if (n === COPIED_TABLES_TURN) yield copiedTables(seed);
  }
  for (let n = 0; ; n++) {
    const next = scenarios.next();
    if (next.done !== true) yield next.value;
    yield drawnPiece(`${seed}:sequence:${n}`, SEQUENCE_CONFIGS[n % SEQUENCE_CONFIGS.length]!);
  }
}

function* scenarioPieces(seed: string): Generator<HuntUnit> {
  const first = FIRST_SCENARIOS.flatMap((name) => SCENARIOS.find((scenario) => scenario.name === name) ?? []);
  for (const scenario of new Set([...first, ...SCENARIOS])) {
    yield {
      suite: "sequences",
      async run(host) {
        const { finding, images } = await scenario.run({ seed, host, makeEngine: tinykvMaker(host) });
        return { executions: images, found: finding && catchOf(finding, "crash") };
      },
    };
  }
}

// A checkpoint on another file system copies its tables.
function copiedTables(seed: string): HuntUnit {
  const config = SEQUENCE_CONFIGS[0]!;
  const log = { seed, config, ops: sequenceOf(["put", "flush", "checkpoint"], config), recovery: 0 };
  return {
    suite: "sequences",
    async run(host) {
      const { finding, images } = await runOne(log, host, linkless(tinykvMaker(host)));
      return { executions: images, found: finding && catchOf(finding, "crash") };
    },
  };
}

function drawnPiece(seed: string, config: string): HuntUnit {
  const random = new Random(seed);
  return {
    suite: "sequences",
    async run(host) {
      const log = { seed, config, ops: sequenceOf(drawnLetters(random), config), recovery: 0 };
      const { finding, images } = await runOne(log, host, tinykvMaker(host));
      return { executions: images, found: finding && catchOf(finding, "crash") };
    },
  };
}

/** Two to four letters. */
export function drawnLetters(random: Random): readonly string[] {
  const letters: string[] = [];
  for (let left = random.between(2, LETTERS_MOST); left > 0; left--) {
    const letter = random.pick(LETTERS);
    letters.push(RARE.has(letter) && random.chance(1, 2) ? "put" : letter);
  }
  return letters;
}

export function* crashPieces(seed: string): Generator<HuntUnit> {
  for (let n = 0; ; n++) {
    const configs = [CONFIGS[n % CONFIGS.length]!];
    const workload = WORKLOADS[n % WORKLOADS.length]!;
    const options = { seed: `${seed}:crash:${n}`, configs, workload, ops: OPS, images: IMAGES };
    yield {
      suite: "crash",
      async run(host, until) {
        const { counters, findings } = await runSampled({ ...options, until }, host, tinykvMaker(host));
        return { executions: counters.images, found: findings[0] && catchOf(findings[0], "crash") };
      },
    };
  }
}
