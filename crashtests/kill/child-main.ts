// The entry point of a crash child: its plan is the one argument.

import { runChild } from "./child.ts";
import type { ChildPlan } from "./plan.ts";

const plan: unknown = JSON.parse(process.argv[2] ?? "");
// What it throws ends it by itself, which is a finding.
void runChild(plan as ChildPlan);
