// The process that starts all others of the suite. It is small, which is why: to fork copies the page tables of the one
// that forks, and the one that checks has hundreds of megabytes. And it has nothing else to do, so that a child is killed
// when its plan says so, and not when a check is over.
//
// In, a line each: a plan with a number. Out, a line each: the number with how that life went, or with what broke. When
// nobody asks any more it kills who is left.

import { createInterface } from "node:readline";
import { live } from "./live.ts";
import type { SpawnerAnswer, SpawnerTask } from "./spawner.ts";

const over = new AbortController();
// The parent decides what a signal to all of them means: this one ends when its input does, and nobody outlives it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
// It may be dead.
process.stdout.on("error", () => undefined);

async function answer({ number, plan }: SpawnerTask): Promise<SpawnerAnswer> {
  try {
    return { number, lived: await live(plan, over.signal) };
  } catch (error) {
    return { number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  void answer(JSON.parse(line) as SpawnerTask).then((done) => process.stdout.write(`${JSON.stringify(done)}\n`));
});
lines.on("close", () => over.abort());
