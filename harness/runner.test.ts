// The runner against our engine, over every kind of operation; and the runner against engines that are wrong on purpose:
// a harness that lets one of them pass is worth nothing.

import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyOps } from "./arbitraries.ts";
import type { Engine, EngineStore } from "./engine.ts";
import { TinyKVEngine } from "./engines/tinykv.ts";
import { Failure } from "./failure.ts";
import { parseOpLog } from "./op-log.ts";
import type { Op } from "./op.ts";
import { Runner } from "./runner.ts";
import { runInTurns } from "./turns.ts";
import { generate } from "./workloads/workload.ts";

const CORPUS = new URL("./corpus/", import.meta.url);

async function runAll(engine: Engine, ops: Iterable<Op>, config: string): Promise<void> {
  const runner = new Runner({ engine, directory: "/store", config });
  for (const op of ops) await runInTurns(runner.run(op));
  await runInTurns(runner.finish());
}

// Every store of these tests is in memory: the first configuration decides.
const inMemory = (options: string): string => (options === "" ? "memory" : `memory,${options}`);

test.each(readdirSync(CORPUS))("%s passes", async (name) => {
  const { header, ops } = parseOpLog(readFileSync(new URL(name, CORPUS), "utf8"));
  expect(ops.length).toBeGreaterThan(0);
  const engine = new TinyKVEngine();
  // Opened once in memory, the engine stays there whatever the log's configurations say.
  engine.open("/other", "memory").close();
  await runAll(engine, ops, header.config);
});

test.each(["small", "least", "manual"])("any operations agree with the model under %s", async (config) => {
  await fc.assert(
    fc.asyncProperty(anyOps(), async (ops) => {
      const engine = new TinyKVEngine();
      engine.open("/other", "memory").close();
      await runAll(engine, ops, config);
    }),
    { numRuns: config === "least" ? 60 : 150, seed: 1 },
  );
});

test("the same log under different configurations gives no difference", async () => {
  for (const config of ["writeBufferSize=2048", "blockSize=16", "bloomBitsPerKey=0", "maxWriteBufferNumber=1"]) {
    await runAll(
      new TinyKVEngine(),
      generate({ workload: "mixed", seed: "5", ops: 1500, keys: 100 }),
      inMemory(config),
    );
  }
});

/** An engine whose stores are ours with some calls replaced. */
function broken(change: (store: EngineStore) => Partial<EngineStore>): Engine {
  const engine = new TinyKVEngine();
  return {
    name: "broken",
    capabilities: engine.capabilities,
    durability: engine.durability,
    destroy: (directory) => engine.destroy(directory),
    open: (directory, config, mode) => {
      const store = engine.open(directory, config, mode);
      const replaced = change(store);
      return new Proxy(store, {
        get: (target, name) => {
          const value =
            (replaced as Record<PropertyKey, unknown>)[name] ??
            (target as unknown as Record<PropertyKey, unknown>)[name];
          return typeof value === "function" ? (value as () => unknown).bind(target) : value;
        },
      });
    },
  };
}

const FAULTS: Record<string, (store: EngineStore) => Partial<EngineStore>> = {
  "loses one put in a hundred": (store) => {
    let puts = 0;
    return { put: (key, value, sync) => (++puts % 100 === 0 ? undefined : store.put(key, value, sync)) };
  },
  "ignores deletes of some keys": (store) => ({
    delete: (key, sync) => (key.length % 3 === 0 || key.at(-1)! % 5 === 0 ? undefined : store.delete(key, sync)),
  }),
  "drops the last change of a batch": (store) => ({
    batch: (changes, sync) => store.batch(changes.slice(0, -1), sync),
  }),
  "gives a value with one bit flipped": (store) => {
    let gets = 0;
    return {
      get: (key, snapshot) => {
        const value = store.get(key, snapshot);
        if (value && value.length > 0 && ++gets % 50 === 0) value[value.length >> 1]! ^= 1;
        return value;
      },
    };
  },
  "ends scans early": (store) => ({ scan: (range, snapshot) => [...store.scan(range, snapshot)].slice(0, 20) }),
  "turns reverse scans the wrong way": (store) => ({
    scan: (range, snapshot) => [...store.scan({ ...range, reverse: false }, snapshot)],
  }),
  "reads the present through a snapshot": (store) => ({ get: (key) => store.get(key) }),
  "sees a key that is not there": (store) => ({ has: (key) => store.has(key) || key.at(-1) === 0x33 }),
  "includes the upper bound": (store) => ({
    scan: ({ lt, ...range }, snapshot) => store.scan({ ...range, ...(lt && { lte: lt }) }, snapshot),
  }),
};

test.each(Object.keys(FAULTS))("an engine that %s is found", async (name) => {
  const ops = ["mixed", "delete-heavy", "scan-heavy", "batch-heavy"] as const;
  const run = async (): Promise<void> => {
    for (const workload of ops) {
      for (const seed of ["1", "2"])
        await runAll(broken(FAULTS[name]!), generate({ workload, seed, ops: 1500, keys: 60 }), inMemory(""));
    }
  };
  await expect(run()).rejects.toThrow(Failure);
});
