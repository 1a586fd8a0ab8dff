// Crashes that showed something, as operations to put behind those of the run: addressed by the operation they fall into,
// what survived named by role.

import { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { Trace } from "../disk/trace.ts";
import type { CrashAddress, CrashOp, Op } from "../op.ts";
import { addressOf, rolesOf, survivalOf } from "./address.ts";
import type { Edge, ImageGraph, ImageNode, Survived } from "./image-graph.ts";
import { closingOf, type RecordedRun, STORE } from "./recorded-run.ts";

/** The one item that a process kill may lose: what a failed fsync left readable. */
export const OLD_BYTES = "old bytes";

/** Behind the last call of a recovery its open has returned. */
const RETURN = { call: "return", nth: 0, when: "after" } as const;

export class CrashOps {
  readonly #run: RecordedRun;
  readonly #graph: ImageGraph;
  readonly #first: number;

  constructor(run: RecordedRun, graph: ImageGraph) {
    this.#run = run;
    this.#graph = graph;
    this.#first = closingOf(run.ops) + 1;
  }

  /** The power goes behind event `i` of the run; `disk` is as it was then. */
  power(disk: SimulatedDisk, survival: Survived, i: number): CrashOp {
    return powerOp({ id: this.#first, at: addressOf(this.#run.trace, i, "after") }, disk, survival);
  }

  /** The process dies in or behind event `i`; `items`: pages of the write in flight, or OLD_BYTES. */
  kill(i: number, when: "inside" | "after", survival: CrashOp["survival"] = { kind: "all" }): CrashOp {
    return { id: this.#first, kind: "crash", loss: "kill", survival, at: addressOf(this.#run.trace, i, when) };
  }

  /** The power goes behind event `j` of the recovery from `crash`. */
  powerInRecovery(crash: CrashOp, recovery: Trace, { disk, survival, j }: CutInRecovery): CrashOp {
    const served = j === recovery.length - 1;
    const at = served ? RETURN : addressOf(recovery, j, "after");
    return powerOp({ id: crash.id + 1, at: { ...at, op: crash.id } }, disk, survival);
  }

  /** The crashes, then those in recovery that lead on from the node they left. */
  chain(crashes: readonly CrashOp[], from: ImageNode, way: readonly Edge[]): CrashOp[] {
    const chain = [...crashes];
    let node = from;
    for (const { to, event, survival } of way) {
      const recovery = this.#graph.recoveryOf(node);
      const disk = new SimulatedDisk(node.image, this.#graph.contents);
      recovery.slice(0, event + 1).forEach((call, j) => disk.apply(call, j + 1));
      chain.push(this.powerInRecovery(chain.at(-1)!, recovery, { disk, survival, j: event }));
      node = to;
    }
    return chain;
  }
}

export interface CutInRecovery {
  readonly disk: SimulatedDisk;
  readonly survival: Survived;
  readonly j: number;
}

/** The operations of a finding: those of the run up to the one that the first crash falls into, then the crashes. */
export function opsWithCrashes(ops: readonly Op[], crashes: readonly CrashOp[]): Op[] {
  const last = crashes[0]?.at?.op ?? Infinity;
  return [...ops.filter(({ id }) => id <= last), ...crashes];
}

function powerOp({ id, at }: { id: number; at: CrashAddress }, disk: SimulatedDisk, survived: Survived): CrashOp {
  const items = disk.pending();
  return { id, kind: "crash", loss: "power", survival: survivalOf(rolesOf(items, STORE), items, survived), at };
}
