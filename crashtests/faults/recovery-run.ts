// Faults in the open behind a crash: it throws or succeeds, alters nothing that it may not (C14, openStore() looks), and
// whatever it did, the next open in a sound world is right, behind another power loss too.

import {
  entriesOf,
  Failure,
  failureOf,
  FaultWatch,
  openStore,
  STORE,
  type CrashOp,
  type EngineMaker,
  type EngineStore,
  type FaultOp,
  type Oracle,
} from "tinykv/harness";
import { CAPACITY } from "./call-name.ts";
import { thrown, type CrashChecker } from "./crash-check.ts";
import { FaultyDisk, type CountedCall } from "./faulty-disk.ts";

/** A machine that went down, and what its oracle demands. */
export interface Crashed {
  readonly world: FaultyDisk;
  readonly oracle: Oracle;
}

export interface RecoveryOptions {
  readonly crash: CrashOp;
  readonly crashed: Crashed;
  readonly faults: readonly FaultOp[];
  readonly config: string;
  readonly makeEngine: EngineMaker;
  readonly checker: CrashChecker;
  readonly counting?: boolean;
}

export interface RecoveryResult {
  readonly calls: readonly CountedCall[];
  readonly faults: number;
  readonly failure: Failure | undefined;
}

/** One recovery; `crashed` may be used again. */
export async function runRecovery(options: RecoveryOptions): Promise<RecoveryResult> {
  const { crash, crashed, faults, checker, counting = false } = options;
  const { disk } = crashed.world;
  const isKill = crash.loss === "kill";
  const image = isKill ? disk.imageKill() : crash.survival.kind === "all" ? disk.imageAll() : disk.imageNone();
  const killed = isKill && { killed: crashed.world };
  const full = faults.find(({ call }) => call === CAPACITY);
  const space = full && { capacity: full.nth };
  const world = new FaultyDisk({ contents: checker.contents, image, counting, ...killed, ...space });
  for (const fault of faults) if (fault !== full) world.arm(fault);
  const failure = await failureIn(() => recover(options, world));
  return { calls: world.calls, faults: world.faults, failure };
}

/** What a run found; what is no finding goes on. */
export async function failureIn(run: () => void | Promise<void>): Promise<Failure | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function recover({ crash, crashed, config, makeEngine, checker }: RecoveryOptions, world: FaultyDisk): void {
  const { oracle } = crashed;
  const window = oracle.window(crash.loss);
  const expectState = (store: EngineStore, what: string): void => {
    const verdict = oracle.judge(window, entriesOf(store));
    if (verdict.ok) return;
    const { condition, message, op, keys } = failureOf(verdict.violation);
    throw new Failure(condition, `${what}: ${message}`, op, { keys });
  };
  const engine = makeEngine(world.env);
  try {
    const opening = { engine, directory: STORE, config, watch: new FaultWatch(world) };
    const powerLoss = (): void => checker.checkPower(world, oracle, "behind a failed open", "open");
    const store = openStore(opening, undefined, powerLoss);
    world.heal();
    world.stopCounting();
    expectState(store, "recovered");
    checker.checkPower(world, oracle, "behind the recovery", "recovered");
    store.close();
    const again = engine.open(STORE, config);
    expectState(again, "opened again");
    const [orphan] = again.inspect();
    if (orphan !== undefined) throw new Failure("C17", orphan);
    const [damage] = again.verify();
    if (damage !== undefined) throw new Failure("C15", damage);
    again.close();
  } catch (error) {
    throw thrown("C1", "the recovered store", error);
  }
  const [problem] = world.failStop.problems;
  if (problem !== undefined) throw new Failure("C20", problem);
}
