// Every microbenchmark in turn: `npm run bench:micro [-- NAME…]`.

import { run as crc } from "./crc.bench.ts";
import { run as log } from "./log.bench.ts";
import { run as memtable } from "./memtable.bench.ts";
import { run as model } from "./model.bench.ts";
import { run as sst } from "./sst.bench.ts";

const BENCHMARKS = { crc, log, memtable, model, sst };

function main(names: readonly string[]): number {
  const unknown = names.find((name) => !Object.hasOwn(BENCHMARKS, name));
  if (unknown !== undefined) {
    console.error(`bench:micro: no benchmark ${unknown}; there are ${Object.keys(BENCHMARKS).join(", ")}`);
    return 2;
  }
  for (const [name, run] of Object.entries(BENCHMARKS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.log(`--- ${name}`);
    run();
    console.log("");
  }
  return 0;
}

process.exitCode = main(process.argv.slice(2));
