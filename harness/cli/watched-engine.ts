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

function watchedStore(store: EngineStore, host: Beat): EngineStore {
  const methods = new Map<PropertyKey, unknown>();
  return new Proxy(store, {
    get(target, name): unknown {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const method = (...words: unknown[]): unknown => {
        host.beat();
        return Reflect.apply(member, target, words);
      };
      methods.set(name, method);
      return method;
    },
    set(target, name, value) {
      methods.delete(name);
      return Reflect.set(target, name, value, target);
    },
  });
}
