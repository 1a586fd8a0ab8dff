// The entry point of a crash child: its plan is the one argument.

import { runChild } from "./child.ts";
import type { ChildPlan } from "./plan.ts";

const plan: unknown = JSON.parse(process.argv[2] ?? "");
await runChild(plan as ChildPlan);
