// A failure told in plain text: what was done, what the disk had been asked, what was pending when the crash came and
// became of it, what was demanded, what is wrong.

import { changesDisk, callName, type Trace, type TraceCall, type TraceEvent } from "../disk/trace.ts";
import type { Op } from "../op.ts";
import { printOp } from "../op-line.ts";
import type { OpLog } from "../op-log.ts";
import { eventName } from "./address.ts";
import { type CrashStory, type ItemStory, type LifeStory, type MissingBarrier, nameIn } from "./crash-story.ts";
import { STORE } from "./recorded-run.ts";

/** The last operations and I/Os before a crash are the interesting ones. */
const OPS_MAX = 40;
const CALLS_MAX = 30;
const KEYS_MAX = 20;

/** In lines; `trace` is that of the run that the story tells. Numbers of I/Os are places in it. */
export function accountOf({ lives, failure, barrier }: CrashStory, { header, ops }: OpLog, trace: Trace): string[] {
  return [
    `configuration ${header.config}, seed ${header.seed}, ${header.workload}`,
    "",
    "operations",
    ...(ops.length > OPS_MAX ? [`  … ${ops.length - OPS_MAX} before`] : []),
    ...ops.slice(-OPS_MAX).map((op) => `  ${printOp(op)}`),
    ...lives.flatMap((life) => lifeLines(life, ops, trace)),
    ...(failure ? verdictLines(failure) : []),
    ...(barrier ? [barrierLine(barrier, trace)] : []),
  ];
}

function lifeLines({ from, to, recovered, crash }: LifeStory, ops: readonly Op[], trace: Trace): string[] {
  const states = recovered?.states.join(" or ");
  const opened =
    recovered === undefined
      ? []
      : [`  recovered: ${states ? `the state after ${states} writes` : "a state that never was"}`];
  if (!crash) return opened;
  const calls = Array.from({ length: to - from }, (_, i) => from + i).filter((i) => isTold(trace[i]!));
  const died = ops.find(({ id, kind }) => id === crash.op && kind === "crash");
  return [
    ...opened,
    "",
    `life ended by ${died ? printOp(died) : `crash ${crash.op}`}`,
    "  I/O before it",
    ...calls.slice(-CALLS_MAX).map((i) => `  ${String(i).padStart(6)}  ${eventInWords(trace[i]!)}`),
    crash.items.length === 0 ? "  nothing was pending" : "  pending, and what became of it",
    ...crash.items.map((item) => `          ${item.role.padEnd(40)} ${fateInWords(item)}`),
    `  durable: the first ${crash.least} writes; issued: ${crash.most}`,
  ];
}

function verdictLines({ condition, phase, message, keys }: NonNullable<CrashStory["failure"]>): string[] {
  const lines = ["", `${condition} in phase ${phase}: ${message}`];
  for (const { key, expected, found } of keys.slice(0, KEYS_MAX)) {
    const wanted = expected ? `value ${expected.id} of ${expected.length} bytes` : "nothing";
    lines.push(`  ${JSON.stringify(key)}: expected ${wanted}, found ${found}`);
  }
  return lines;
}

/** The sync that would have helped, in a sentence. */
export function barrierLine({ path, isDirectory, after, before, barrier }: MissingBarrier, trace: Trace): string {
  const io = (i: number): string => `I/O ${i} (${eventName(trace[i]!)})`;
  const name = isDirectory ? `the directory ${path}` : nameIn(STORE, path);
  const where = before === undefined ? `behind ${io(after)}` : `between ${io(after)} and ${io(before)}`;
  const called = barrier === undefined ? "" : `, ${barrier},`;
  return `with an fsync of ${name} ${where}${called} no image of this moment fails`;
}

/** What became of something that was pending. */
export function fateInWords({ fate, version, versions, sectors }: ItemStory): string {
  switch (fate) {
    case "kept":
      return "kept by the kernel";
    case "torn":
      return `torn: sectors ${sectors!.toString(2)} of version ${version}`;
    case "older":
      return `survived as of version ${version} of ${versions}`;
    default:
      return fate;
  }
}

function isTold(event: TraceEvent): boolean {
  return "mark" in event || changesDisk(event);
}

function eventInWords(event: TraceEvent): string {
  if ("mark" in event) return `-- operation ${event.op} ${event.mark === "begin" ? "begins" : "returned"}`;
  return `${callName(event)} ${aboutCall(event)}${failureInWords(event)}`;
}

/** How a call failed, if it did. */
export function failureInWords({ error, applied }: TraceCall): string {
  return error === undefined ? "" : ` failed: ${error} (${applied ?? "none"} of it done)`;
}

/** What a call is about, beside its name. */
export function aboutCall(event: TraceCall): string {
  switch (event.call) {
    case "write":
      return `${event.bytes.length} bytes at ${event.position} of file ${event.file}`;
    case "truncate":
      return `file ${event.file} to ${event.size}`;
    case "open":
      return `${event.path} as file ${event.file}`;
    case "rename":
    case "link":
      return `${event.from} to ${event.to}`;
    default:
      return "path" in event ? event.path : "file" in event ? `file ${event.file}` : "";
  }
}
