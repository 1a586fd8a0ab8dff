// The entry point of a crash child: its plan is the one word.

import { runChild } from "./child.ts";
import type { ChildPlan } from "./plan.ts";
import { beginProgram } from "./program.ts";

beginProgram(([plan]) => runChild(JSON.parse(plan!) as ChildPlan));
