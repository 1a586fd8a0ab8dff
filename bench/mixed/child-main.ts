// The process of a mixed run: `child-main.js TASK`; a JSON line every second and one at the end on file descriptor 3.

import { writeSync } from "node:fs";
import type { MixedReport, MixedSecond } from "./mixed-report.ts";
import { runMixed, type MixedTask } from "./mixed-run.ts";

/** What the process says. */
export type MixedMessage =
  | { readonly kind: "second"; readonly second: MixedSecond }
  | { readonly kind: "done"; readonly report: Omit<MixedReport, "fillSeconds"> };

function say(message: MixedMessage): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  // A pipe takes what fits: the report may be longer.
  for (let at = 0; at < bytes.length;) at += writeSync(3, bytes, at);
}

const task = JSON.parse(process.argv[2] ?? "") as MixedTask;
say({ kind: "done", report: await runMixed(task, (second) => say({ kind: "second", second })) });
