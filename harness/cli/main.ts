#!/usr/bin/env node
import { runHarness } from "./program.ts";

process.exitCode = await runHarness(process.argv);
