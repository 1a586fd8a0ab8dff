// One build in a process of its own: `child-main.js ENGINE-URL OPTIONS`. Each line on standard input names a workload, whose
// time for one pass goes to file descriptor 3 as a line; the first line there says that it is ready. Ends with its input.

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { MicroBench, type EngineUnderTest, type MicroOptions, type MicroWorkload } from "./micro.ts";

const [url, options] = process.argv.slice(2);
const engine = (await import(url!)) as EngineUnderTest;
const bench = new MicroBench(engine, JSON.parse(options!) as MicroOptions);
writeSync(3, "ready\n");
for await (const workload of createInterface({ input: process.stdin })) {
  writeSync(3, `${bench.pass(workload as MicroWorkload)}\n`);
}
bench.close();
