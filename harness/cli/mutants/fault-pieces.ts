// Faults: calls of short logs fail, one by one. A hunt sees a part of what there is of each.

import { type FaultsPart, runFaults } from "../../../crashtests/faults/campaign.ts";
import { SEQUENCE_CONFIGS, sequenceOf } from "../../../crashtests/power-loss/sequences.ts";
import type { Op } from "../../op.ts";
import { Random } from "../../workloads/random.ts";
import { tinykvMaker } from "../campaign-tasks.ts";
import { drawnLetters } from "./crash-pieces.ts";
import { catchOf, type HuntUnit } from "./hunt-unit.ts";

/** Without a cache each read of a block is a call that may fail. */
const CONFIG = `${SEQUENCE_CONFIGS[0]!},blockCacheSize=0`;

/** What shows most in the shortest time; each is read, and reopened, in the end. */
const FIRST_LETTERS: readonly (readonly string[])[] = [
  ["putSync", "put"],
  ["put", "flush", "put", "flush", "compact"],
  ["put", "flush", "big", "put"],
  ["put", "putAsync", "settle"],
  ["big", "big", "putSync"],
  ["put", "flush", "put"],
  ["put", "checkpoint"],
];

/** One in so many is a log of the campaign's own, with all that may fail. */
const OWN_EVERY = 4;
const OWN_OPS = [12, 24];
const RUNS = 60;

/** What fails of the others, in turn. */
const PARTS: readonly FaultsPart[] = ["calls", "calls", "recoveries", "calls", "capacities"];

export function* faultPieces(seed: string): Generator<HuntUnit> {
  for (let n = 0; ; n++) {
    const own = `${seed}:faults:${n}`;
    const isOwn = n % OWN_EVERY === OWN_EVERY - 1;
    const log = isOwn
      ? { ops: OWN_OPS[Math.floor(n / OWN_EVERY) % OWN_OPS.length]! }
      : { ops: lettersLog(own, n), config: CONFIG, parts: [PARTS[n % PARTS.length]!] };
    yield {
      suite: "faults",
      async run(host, until) {
        const isOver = (done: number): boolean => done >= RUNS || until();
        const options = { seed: own, ...log, until: isOver, findingsMax: 1 };
        const { runs, findings } = await runFaults(options, host, tinykvMaker(host));
        return { executions: runs, found: findings[0] && catchOf(findings[0], "faults") };
      },
    };
  }
}

function lettersLog(seed: string, n: number): readonly Op[] {
  const ops = sequenceOf(FIRST_LETTERS[n] ?? drawnLetters(new Random(seed)), CONFIG);
  const id = ops.at(-1)!.id + IDS_OF_A_LETTER;
  return [
    ...ops,
    { id, kind: "scan" },
    { id: id + 1, kind: "scan", reverse: true },
    { id: id + 2, kind: "reopen", config: CONFIG },
  ];
}

/** A letter takes fewer ids than this. */
const IDS_OF_A_LETTER = 10;
