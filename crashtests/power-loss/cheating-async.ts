// Engines that break their word about promises, each a wrapper around ours.

import type { Barrier, Env, FileHandle, OpenMode } from "tinykv/env";
import { BarrierEnv, type EngineMaker, type EngineStore, keyOf, TinyKVEngine } from "tinykv/harness";

/** Resolves when the sync has begun, not when it is done. */
export const resolvesBeforeSync: EngineMaker = (env) =>
  new TinyKVEngine({ env: new BarrierEnv(env, (barrier) => (barrier === "log.group" ? "defer" : "do")) });

/** Takes a failed asynchronous sync for a good one. */
export const ignoresFailedSync: EngineMaker = (env) => new TinyKVEngine({ env: new DeafEnv(env, () => "do") });

class DeafEnv extends BarrierEnv {
  override open(path: string, mode: OpenMode): FileHandle {
    const file = super.open(path, mode);
    const { syncAsync } = file;
    file.syncAsync = (barrier: Barrier) => syncAsync.call(file, barrier).catch(() => undefined);
    return file;
  }
}

/** Shows what a put writes as soon as it is called. */
export const publishesBeforeSync: EngineMaker = withStores((store) => {
  const early = new Map<string, Buffer>();
  const { putAsync, get } = bound(store);
  store.putAsync = (key, value, sync) => {
    const done = putAsync(key, value, sync);
    const name = keyOf(key);
    early.set(name, value);
    const settled = (): void => void early.delete(name);
    done.then(settled, settled);
    return done;
  };
  store.get = (key, snapshot) => (snapshot ? undefined : early.get(keyOf(key))) ?? get(key, snapshot);
});

/** Every other put resolves a little later than those behind it. */
export const resolvesOutOfOrder: EngineMaker = withStores((store) => {
  let puts = 0;
  const { putAsync } = bound(store);
  store.putAsync = async (key, value, sync) => {
    const isLate = puts++ % 2 === 0;
    await putAsync(key, value, sync);
    if (isLate) for (let turn = 0; turn < LATE_TURNS; turn++) await Promise.resolve();
  };
});

/** A put that comes while others are on their way keeps only the first half of them, and resolves them all. */
export const losesHalfAGroup: EngineMaker = withStores((store) => {
  const inFlight = new Set<Buffer>();
  const { putAsync, put } = bound(store);
  store.putAsync = (key, value, sync) => {
    const done = putAsync(key, value, sync);
    inFlight.add(key);
    const settled = (): void => void inFlight.delete(key);
    done.then(settled, settled);
    return done;
  };
  store.put = (key, value, sync) => {
    put(key, value, sync);
    for (const lost of [...inFlight].slice(inFlight.size >> 1)) if (!lost.equals(key)) store.delete(lost, false);
  };
});

/** A promise whose group somebody else's sync has completed is forgotten. */
export const forgetsCallers: EngineMaker = withStores((store) => {
  let syncs = 0;
  const { putAsync, put } = bound(store);
  store.putAsync = async (key, value, sync) => {
    const before = syncs;
    await putAsync(key, value, sync);
    if (syncs > before) await new Promise(() => undefined);
  };
  store.put = (key, value, sync) => {
    syncs++;
    put(key, value, sync);
  };
});

/** More turns than a group needs to tell all of its callers. */
const LATE_TURNS = 4;

function withStores(change: (store: EngineStore) => void): EngineMaker {
  return (env: Env) => {
    const inner = new TinyKVEngine({ env });
    return {
      name: inner.name,
      capabilities: inner.capabilities,
      durability: inner.durability,
      open(...args) {
        const store = inner.open(...args);
        change(store);
        return store;
      },
      destroy: (directory) => inner.destroy(directory),
    };
  };
}

function bound(store: EngineStore): Pick<EngineStore, "putAsync" | "put" | "get"> {
  return { putAsync: store.putAsync.bind(store), put: store.put.bind(store), get: store.get.bind(store) };
}
