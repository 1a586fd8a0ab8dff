import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { repositoryRoot } from "../repository.ts";
import type { Answer, Task } from "./measurement.ts";

/** From the sources (tests) and from dist/ alike: children run what was built. */
const CHILD_FILE = fileURLToPath(new URL("dist/bench/measure/child-main.js", `file://${repositoryRoot()}/`));

/** A child that takes longer hangs: a fill of ten million awaited puts takes six minutes. */
const CHILD_MILLISECONDS_MAX = 60 * 60_000;

/** Runs a task in a process of its own. Throws with its standard error if it fails. */
export async function runTask(task: Task): Promise<Answer> {
  const result = await execa(process.execPath, [CHILD_FILE, JSON.stringify(task)], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    reject: false,
    timeout: CHILD_MILLISECONDS_MAX,
    // Reading that file costs 30 ms at each start.
    env: { NODE_EXTRA_CA_CERTS: undefined },
  });
  const answer = result.stdio[3];
  const isLog = task.kind === "prepare" && task.start === "log" && result.signal === "SIGKILL";
  if ((result.exitCode !== 0 && !isLog) || answer.trim() === "") {
    const ended = result.exitCode === undefined ? `was ended by ${result.signal}` : `exited with ${result.exitCode}`;
    throw new Error(`${describe(task)}: the measuring process ${ended}\n${result.stderr}`);
  }
  return JSON.parse(answer) as Answer;
}

function describe(task: Task): string {
  return task.kind === "measure" ? `${task.engine}, ${task.workload}` : `${task.engine}, making a store ${task.start}`;
}
