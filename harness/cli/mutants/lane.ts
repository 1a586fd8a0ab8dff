// The side that asks a process that hunts (lane-main.ts). If a mutant ends that process, it is found, and another one is started
// for the next.

import { createInterface } from "node:readline";
import { execa } from "execa";
import { endChildWithCommand } from "../../scratch.ts";
import type { HuntTask, SelfCheckTask } from "../tasks.ts";
import { builtModule } from "../watchdog.ts";
import type { Mutant } from "./catalogue.ts";
import type { TimedAnswer } from "./hunt-mutant.ts";

export interface LaneTask {
  readonly mutant: Mutant;
  readonly task: HuntTask | SelfCheckTask;
  readonly milliseconds: number;
}

export type LaneAnswer =
  | { readonly told: Partial<TimedAnswer> }
  | { readonly answer: TimedAnswer }
  /** The harness broke. */
  | { readonly error: string };

/** How it is said that a mutant took the whole process along. */
const DIED = "the process ended";

type LaneProcess = ReturnType<typeof start>;

export class HuntingLane {
  #process: LaneProcess | undefined;

  /** One at a time. Rejects if the harness breaks. */
  async hunt(task: LaneTask): Promise<TimedAnswer> {
    const begun = performance.now();
    const { child, answers } = (this.#process ??= start());
    child.stdin.write(`${JSON.stringify(task)}\n`);
    let known: Partial<TimedAnswer> = {};
    for (;;) {
      const { value: line, done } = await answers.next();
      if (done) break;
      const answer = JSON.parse(line) as LaneAnswer;
      if ("answer" in answer) return answer.answer;
      if ("error" in answer) throw new Error(answer.error);
      known = answer.told;
    }
    const { signal, exitCode } = await child;
    this.#process = undefined;
    const message = `${DIED} with ${signal ?? `code ${exitCode}`}`;
    const milliseconds = performance.now() - begun;
    return { by: undefined, executions: 0, ops: 0, condition: "C28", message, milliseconds, ...known };
  }

  /** Waits for the end of the process. */
  async close(): Promise<void> {
    this.#process?.child.stdin.end();
    await this.#process?.child;
  }
}

function start() {
  const child = execa(process.execPath, [builtModule(new URL("lane-main.js", import.meta.url))], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
    buffer: false,
    reject: false,
  });
  endChildWithCommand(child);
  // That it has died is seen from how it ended.
  child.stdin.on("error", () => undefined);
  return { child, answers: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}
