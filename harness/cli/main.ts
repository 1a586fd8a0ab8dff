#!/usr/bin/env node
import { sweepAtEnd } from "../scratch.ts";
import { runHarness } from "./program.ts";

sweepAtEnd();
process.exitCode = await runHarness(process.argv);
