// Which syncs somebody could see come late. A sync that is put off until the next call is seen by nobody if the engine
// makes that call before it returns: the disk is told the same in the same order. So where this is true of every sync of a
// barrier, a run in which they come late is, call for call, the run in which they come in time, and need not be made.
//
//   seen   the engine returned (or had returned) before its next call; the clock, chance or the lock was asked for in
//          between, for which no sync that was put off is caught up; the sync failed; it was asked for asynchronously

import type { Barrier, Env, Lock } from "tinykv/env";
import { BarrierEnv, type Engine, type EngineMaker, type EngineStore, TinyKVEngine } from "tinykv/harness";

/** An engine whose syncs all come in time; `seen` has the barriers of those that somebody would have seen come late. */
export function watchingSyncs(): { readonly makeEngine: EngineMaker; readonly seen: ReadonlySet<Barrier> } {
  const seen = new Set<Barrier>();
  const makeEngine: EngineMaker = (env) => {
    const watched = new WatchedSyncs(env, seen);
    return engineOver(new TinyKVEngine({ env: watched }), watched);
  };
  return { makeEngine, seen };
}

class WatchedSyncs extends BarrierEnv {
  readonly #seen: Set<Barrier>;
  /** The sync behind which there was no call yet. */
  #last: Barrier | undefined;
  #callsUnderWay = 0;

  constructor(env: Env, seen: Set<Barrier>) {
    super(env, () => "do");
    this.#seen = seen;
  }

  /** Makes a call of the engine. */
  during<T>(call: () => T): T {
    this.#callsUnderWay++;
    try {
      return call();
    } finally {
      if (--this.#callsUnderWay === 0) this.#look();
    }
  }

  override caughtUp(): Env {
    this.#last = undefined;
    return super.caughtUp();
  }

  override sync(barrier: Barrier, sync: () => void): void {
    this.#last = barrier;
    try {
      super.sync(barrier, sync);
    } catch (error) {
      this.#look();
      throw error;
    }
    if (this.#callsUnderWay === 0) this.#look();
  }

  override askAsync(barrier: Barrier): ReturnType<BarrierEnv["askAsync"]> {
    this.#seen.add(barrier);
    return super.askAsync(barrier);
  }

  override lock(path: string): Lock {
    const lock = super.lock(path);
    return { release: () => (this.#look(), lock.release()) };
  }

  override now(): number {
    this.#look();
    return super.now();
  }

  override sleep(milliseconds: number): void {
    this.#look();
    super.sleep(milliseconds);
  }

  override randomBytes(count: number): Uint8Array {
    this.#look();
    return super.randomBytes(count);
  }

  #look(): void {
    if (this.#last !== undefined) this.#seen.add(this.#last);
  }
}

function engineOver(engine: Engine, env: WatchedSyncs): Engine {
  const { name, capabilities, durability } = engine;
  return {
    name,
    capabilities,
    durability,
    open: (directory, config, mode) =>
      storeOver(
        env.during(() => engine.open(directory, config, mode)),
        env,
      ),
    destroy: (directory) => env.during(() => engine.destroy(directory)),
  };
}

// Whatever is called: a call that were forgotten would hide the return from it.
function storeOver(store: EngineStore, env: WatchedSyncs): EngineStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...values: unknown[]): unknown => env.during(() => Reflect.apply(value, target, values) as unknown);
    },
  });
}
