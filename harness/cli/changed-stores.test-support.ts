import type { Engine, EngineStore } from "../engine.ts";

/** An engine each of whose stores is changed as it is opened: how it is made wrong. */
export function withChangedStores(engine: Engine, change: (store: EngineStore, config: string) => void): Engine {
  const { name, capabilities, durability } = engine;
  return {
    name,
    capabilities,
    durability,
    destroy: (directory) => engine.destroy(directory),
    open(directory, config, mode) {
      const store = engine.open(directory, config, mode);
      change(store, config);
      return store;
    },
  };
}
