// A worker whose engine never returns from a put of the key "hang"; one that breaks; one that is slow, but alive.

import { TinyKVEngine } from "../engines/tinykv.ts";
import { Runner } from "../runner.ts";
import { parseOp } from "../op-parse.ts";
import type { EngineStore } from "../engine.ts";
import { ImageEnv } from "../disk/image-env.ts";
import { withChangedStores } from "./changed-stores.test-support.ts";
import { watchedEngine } from "./watched-engine.ts";
import { runNow } from "../turns.ts";
import { serveTask, type WorkerHost } from "./worker-host.ts";

await serveTask((task, host) => {
  const { seed } = task as { seed: string };
  host.begin({ campaign: "test", mode: "plain", command: "the command" }, "mixed");
  if (seed === "broken") throw new Error("the harness is broken");
  if (seed === "exit") process.exit(5);
  if (seed === "slow") {
    for (let i = 0; i < 12; i++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
      host.beat();
    }
    return { units: 1, ops: 12, counters: {}, found: [] };
  }
  return hang(seed, host);
});

function hang(seed: string, host: WorkerHost): unknown {
  const ops = ["1 put a 0.1.20", "2 put hang 0.2.20", "3 flush"].map(parseOp);
  host.unit({ seed, config: "small", ops });
  const engine = watchedEngine(withChangedStores(new TinyKVEngine({ env: new ImageEnv() }), hangPuts), host);
  const runner = new Runner({ engine, directory: "/store", config: "small" });
  for (const op of ops) runNow(runner.run(op));
  return { units: 1, ops: 3, counters: {}, found: [] };
}

function hangPuts(store: EngineStore): void {
  const put = store.put.bind(store);
  store.put = (key, value, sync) => {
    while (key.toString() === "hang");
    put(key, value, sync);
  };
}
