// Engines that break their word, each a wrapper around ours.

import { BarrierEnv, type Engine, type EngineMaker, type EngineStore, TinyKVEngine } from "tinykv/harness";

/** Acknowledges a write before it is durable: the sync comes with the next call. */
export const acknowledgesEarly: EngineMaker = (env) =>
  new TinyKVEngine({ env: new BarrierEnv(env, (barrier) => (barrier === "log.write" ? "defer" : "do")) });

/** sync() returns and did nothing. */
export const syncDoesNothing: EngineMaker = (env) =>
  changed(new TinyKVEngine({ env }), (store) => (store.sync = () => undefined));

/** What a recovery writes is never synced. */
export const recoveryNeverSyncs: EngineMaker = (env) => {
  let opening = false;
  const inner = new TinyKVEngine({ env: new BarrierEnv(env, () => (opening ? "skip" : "do")) });
  return {
    ...plain(inner),
    open(directory, config, mode) {
      opening = true;
      try {
        return inner.open(directory, config, mode);
      } finally {
        opening = false;
      }
    },
  };
};

/** Goes on behind a hole in the log. */
export const recoversPastHoles: EngineMaker = (env) => {
  const inner = new TinyKVEngine({ env });
  return {
    ...plain(inner),
    open: (directory, config, mode) => inner.open(directory, `${config},walRecoveryMode=skipCorrupted`, mode),
  };
};

function changed(inner: Engine, change: (store: EngineStore) => void): Engine {
  return {
    ...plain(inner),
    open(directory, config, mode) {
      const store = inner.open(directory, config, mode);
      change(store);
      return store;
    },
  };
}

function plain(inner: Engine): Engine {
  return {
    name: inner.name,
    capabilities: inner.capabilities,
    durability: inner.durability,
    open: (...args) => inner.open(...args),
    destroy: (directory) => inner.destroy(directory),
  };
}
