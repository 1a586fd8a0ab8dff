// A process of `meta` whose engine is wrong under some configurations: "small" loses the key of every tenth put, "least" takes
// its process along with the hundredth, and under "memory" the hundredth never returns.

import type { EngineStore } from "../engine.ts";
import { TinyKVEngine } from "../engines/tinykv.ts";
import { withChangedStores } from "./changed-stores.test-support.ts";
import { runMetaProcess } from "./meta-main.ts";

const LOST_EVERY = 10;
const LAST_PUT = 100;
/** Of all stores together: the log opens more than one. */
let puts = 0;

function breakPuts(store: EngineStore, config: string): void {
  const put = store.put.bind(store);
  store.put = (key, value, sync) => {
    puts++;
    if (config === "small" && puts % LOST_EVERY === 0) return;
    if (config === "least" && puts === LAST_PUT) process.exit(7);
    while (config === "memory" && puts === LAST_PUT);
    put(key, value, sync);
  };
}

await runMetaProcess(process.argv[2]!, withChangedStores(new TinyKVEngine(), breakPuts));
