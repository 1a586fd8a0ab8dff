// Measures one build in a process of its own: `child-main.js ENGINE-URL OPTIONS`; the times go to file descriptor 3.

import { writeSync } from "node:fs";
import { measureMicro, type EngineUnderTest, type MicroOptions } from "./micro.ts";

const [url, options] = process.argv.slice(2);
const engine = (await import(url!)) as EngineUnderTest;
writeSync(3, JSON.stringify(measureMicro(engine, JSON.parse(options!) as MicroOptions)));
