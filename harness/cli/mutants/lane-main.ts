// A process in which mutants are hunted, one after the other. V8 ends a whole process when a mutant makes an array without
// end in one of its threads: it is this one, and not that of the campaign.
//
// In, a line each: whom to hunt. Out, a line each: what is known, then the answer.

import { createInterface } from "node:readline";
import { hunt } from "./hunt-mutant.ts";
import type { LaneAnswer, LaneTask } from "./lane.ts";

// The parent decides what a signal from the terminal means.
process.on("SIGINT", () => undefined);
// It may be dead.
process.stdout.on("error", () => undefined);

function answer(line: LaneAnswer): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { mutant, task, milliseconds } = JSON.parse(line) as LaneTask;
  try {
    answer({ answer: await hunt(mutant, task, { milliseconds, told: (told) => answer({ told }) }) });
  } catch (error) {
    answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
