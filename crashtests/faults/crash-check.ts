// What a crash leaves in the middle of a failing world, opened in a sound one: C1 to C4 by the oracle, C9, C15, C17, and
// after a kill C20, since the next process may not sync what failed to be synced either.

import {
  anySurvival,
  ContentStore,
  entriesOf,
  Failure,
  failureOf,
  Random,
  STORE,
  summarise,
  type Condition,
  type EngineMaker,
  type EngineStore,
  type Image,
  type Oracle,
  type RecoveredSummary,
  type Window,
} from "tinykv/harness";
import { FaultyDisk } from "./faulty-disk.ts";

/** What is known of so many contents is forgotten: a campaign meets a few new ones in every run. */
const CONTENTS_MAX = 4000;

/** Combinations of pending items drawn at each crash point, beside none and all. */
const SURVIVALS_DRAWN = 2;

/** What opening an image showed: its state, or what is wrong whatever the state should be. */
interface Opened {
  readonly recovered: RecoveredSummary | undefined;
  readonly problem: Failure | undefined;
}

export class CrashChecker {
  contents: ContentStore = new ContentStore();
  /** Images opened. */
  opens = 0;
  readonly #makeEngine: EngineMaker;
  readonly #config: string;
  #opened = new Map<string, Opened>();

  constructor(makeEngine: EngineMaker, config: string) {
    this.#makeEngine = makeEngine;
    this.#config = config;
  }

  /** To be called between runs. */
  forget(): void {
    if (this.contents.count < CONTENTS_MAX) return;
    this.contents = new ContentStore();
    this.#opened = new Map();
  }

  /** Every kind of crash now; throws Failure. `where` says when this is. */
  checkAll(world: FaultyDisk, oracle: Oracle, where: string, seed: string): void {
    this.checkPower(world, oracle, where, seed);
    this.#checkKill(world, oracle, where, false);
    if (world.syncFailed) this.#checkKill(world, oracle, where, true);
  }

  checkPower(world: FaultyDisk, oracle: Oracle, where: string, seed: string): void {
    const window = oracle.window("power");
    const { disk } = world;
    const items = disk.pending();
    const random = new Random(seed);
    const nothing = items.map(() => ({ version: 0 }));
    const all = items.map(({ times }) => ({ version: times.length - 1 }));
    const choices: ReturnType<typeof anySurvival>[] = [nothing];
    if (items.length > 0) choices.push(all);
    for (let i = 0; i < SURVIVALS_DRAWN && items.length > 1; i++) choices.push(anySurvival(items, random));
    choices.forEach((choice, i) => {
      const image = disk.image(items, choice);
      const survives = ["nothing", "everything"][i] ?? "a part";
      this.#judge(image, oracle, window, `power loss ${where}, ${survives} pending survives`);
    });
  }

  /** What a crash left, judged as an image that is durable as it stands. */
  #judge(image: Image, oracle: Oracle, window: Window, what: string): void {
    const { recovered, problem } = this.#openOnce(image);
    if (problem) throw about(problem, what);
    if (oracle.statesOf(window, recovered!).length > 0) return;
    this.#explain(this.#mount(new FaultyDisk({ contents: this.contents, image })), oracle, window, what);
  }

  #checkKill(world: FaultyDisk, oracle: Oracle, where: string, oldBytes: boolean): void {
    const what = `kill ${where}${oldBytes ? ", old bytes read back" : ""}`;
    const window = oracle.window(oldBytes ? "killOldBytes" : "kill");
    const image = world.disk.imageKill(oldBytes);
    const next = new FaultyDisk({ contents: this.contents, image, killed: world, oldBytes });
    const { recovered, problem } = this.#open(next);
    if (problem) throw about(problem, what);
    if (oracle.statesOf(window, recovered!).length === 0) {
      this.#explain(this.#mount(new FaultyDisk({ contents: this.contents, image })), oracle, window, what);
    }
    const [stopProblem] = next.failStop.problems;
    if (stopProblem !== undefined) throw new Failure("C20", `${what}: ${stopProblem}`);
  }

  // Throws what the oracle says of the state in full.
  #explain(store: EngineStore, oracle: Oracle, window: Window, what: string): void {
    const verdict = oracle.judge(window, entriesOf(store));
    if (verdict.ok) throw new Error("the oracle judges a state in two ways");
    throw about(failureOf(verdict.violation), what);
  }

  #openOnce(image: Image): Opened {
    const known = this.#opened.get(image.key);
    if (known) return known;
    const opened = this.#open(new FaultyDisk({ contents: this.contents, image }));
    this.#opened.set(image.key, opened);
    return opened;
  }

  #open(world: FaultyDisk): Opened {
    const opened = this.#look(world);
    if (opened.problem || !opened.recovered) return opened;
    // What a writable open served is durable: power loss at once leaves the same.
    const again = this.#look(new FaultyDisk({ contents: this.contents, image: world.disk.imageNone() }));
    if (again.problem) return { recovered: undefined, problem: about(again.problem, "power loss behind the open") };
    const same = sameState(opened.recovered, again.recovered!);
    const lost = `an open served ${opened.recovered.entries} entries; power loss at once leaves another state`;
    return same ? opened : { recovered: undefined, problem: new Failure("C9", lost) };
  }

  #look(world: FaultyDisk): Opened {
    let store: EngineStore;
    try {
      store = this.#mount(world);
    } catch (error) {
      return { recovered: undefined, problem: thrown("C1", "open", error) };
    }
    let problem: Failure | undefined;
    try {
      const recovered = summarise(entriesOf(store));
      const [orphan] = store.inspect();
      if (orphan !== undefined) problem = new Failure("C17", orphan);
      const [damage] = store.verify();
      if (damage !== undefined) problem ??= new Failure("C15", damage);
      return { recovered, problem };
    } catch (error) {
      return { recovered: undefined, problem: thrown("C8", "a read", error) };
    }
  }

  #mount(world: FaultyDisk): EngineStore {
    this.opens++;
    return this.#makeEngine(world.env).open(STORE, this.#config);
  }
}

/** An engine's error in a world in which nothing fails. */
export function thrown(condition: Condition, what: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure(condition, `${what} threw ${String(error)}`, undefined, { cause: error });
}

function about({ condition, message, op, keys, cause }: Failure, what: string): Failure {
  return new Failure(condition, `${what}: ${message}`, op, { keys, cause });
}

function sameState(a: RecoveredSummary, b: RecoveredSummary): boolean {
  return a.digest.low === b.digest.low && a.digest.high === b.digest.high && a.entries === b.entries;
}
