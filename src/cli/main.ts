#!/usr/bin/env node
import { runCommand } from "./program.ts";

process.exitCode = runCommand(process.argv);
