import type { Engine, EngineStore } from "../engine.ts";
import type { EngineMaker } from "../crash/recorded-run.ts";
import type { WorkerHost } from "./worker-host.ts";

type Beat = Pick<WorkerHost, "beat">;

/** An engine of which every call is a sign of life. */
export function watchedEngine(engine: Engine, host: Beat): Engine {
  const { name, capabilities, durability } = engine;
  return {
    name,
    capabilities,
    durability,
    open(directory, config, mode) {
      host.beat();
      return watchedStore(engine.open(directory, config, mode), host);
    },
    destroy(directory) {
      host.beat();
      engine.destroy(directory);
    },
  };
}

/** The same of each engine that is made. */
export function watchedMaker(makeEngine: EngineMaker, host: Beat): EngineMaker {
  return (env) => watchedEngine(makeEngine(env), host);
}

// Written out: a Proxy, or a loop over the names, would cost as much a call as the harness itself.
function watchedStore(store: EngineStore, host: Beat): EngineStore {
  const beat = (): void => host.beat();
  return {
    put: (key, value, sync) => (beat(), store.put(key, value, sync)),
    delete: (key, sync) => (beat(), store.delete(key, sync)),
    deleteRange: (from, to, sync) => (beat(), store.deleteRange(from, to, sync)),
    batch: (changes, sync) => (beat(), store.batch(changes, sync)),
    putAsync: (key, value, sync) => (beat(), store.putAsync(key, value, sync)),
    deleteAsync: (key, sync) => (beat(), store.deleteAsync(key, sync)),
    batchAsync: (changes, sync) => (beat(), store.batchAsync(changes, sync)),
    get: (key, snapshot) => (beat(), store.get(key, snapshot)),
    getMany: (keys) => (beat(), store.getMany(keys)),
    has: (key) => (beat(), store.has(key)),
    scan: (range, snapshot) => (beat(), store.scan(range, snapshot)),
    snapshot: () => (beat(), store.snapshot()),
    cursor: (options) => (beat(), store.cursor(options)),
    flush: () => (beat(), store.flush()),
    compactRange: (from, to) => (beat(), store.compactRange(from, to)),
    sync: () => (beat(), store.sync()),
    step: (job) => (beat(), store.step(job)),
    checkpoint: (directory) => (beat(), store.checkpoint(directory)),
    verify: () => (beat(), store.verify()),
    resume: () => (beat(), store.resume()),
    replayedRecords: () => (beat(), store.replayedRecords()),
    inspect: () => (beat(), store.inspect()),
    complaint: () => (beat(), store.complaint()),
    settle: () => (beat(), store.settle()),
    close: () => (beat(), store.close()),
  };
}
