// The entry point of a measuring process: `child-main.js TASK`. Answers on file descriptor 3; a failure ends it with 1 and
// the error on standard error.

import { writeSync } from "node:fs";
import type { Answer, Task } from "./measurement.ts";
import { measure, prepare } from "./run-task.ts";

const ANSWERS = 3;

async function main(task: Task): Promise<void> {
  const answer: Answer = task.kind === "measure" ? await measure(task) : { kind: "prepared" };
  if (task.kind === "prepare") await prepare(task);
  write(`${JSON.stringify(answer)}\n`);
  // The log has to be left as a kill leaves it: no close, no flush, nothing that runs at exit.
  if (task.kind === "prepare" && task.start === "log") process.kill(process.pid, "SIGKILL");
}

// A pipe takes what fits: the answer may be longer.
function write(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(ANSWERS, bytes, at);
}

await main(JSON.parse(process.argv[2] ?? "") as Task);
