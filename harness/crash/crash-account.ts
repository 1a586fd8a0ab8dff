// A failure told in plain text: what was done, what the disk had been asked, what was pending when the crash came and
// became of it, what was demanded, what is wrong.

import type { Choices } from "../disk/choice.ts";
import type { PendingItem } from "../disk/pending-item.ts";
import type { Trace, TraceEvent } from "../disk/trace.ts";
import { changesDisk } from "../disk/trace.ts";
import type { Failure } from "../failure.ts";
import type { CrashOp } from "../op.ts";
import { printOp } from "../op-line.ts";
import type { OpLog } from "../op-log.ts";
import type { Window } from "../oracle.ts";
import { callName } from "../disk/trace.ts";

/** The last operations and I/Os before a crash are the interesting ones. */
const OPS_MAX = 40;
const CALLS_MAX = 30;
const KEYS_MAX = 20;

/** What a crash met. */
export interface CrashScene {
  readonly recording: { readonly trace: Trace };
  readonly window: Window;
  readonly items: readonly PendingItem[];
  readonly roles: readonly string[];
  /** Absent: a process kill, which loses nothing. */
  readonly choices?: Choices;
}

export class CrashAccount {
  readonly lines: string[] = [];

  constructor({ header, ops }: OpLog) {
    this.lines.push(`configuration ${header.config}, seed ${header.seed}, ${header.workload}`, "", "operations");
    if (ops.length > OPS_MAX) this.lines.push(`  … ${ops.length - OPS_MAX} before`);
    for (const op of ops.slice(-OPS_MAX)) this.lines.push(`  ${printOp(op)}`);
  }

  crashed(crash: CrashOp, { recording, window, items, roles, choices }: CrashScene): void {
    const calls = recording.trace.map((event, i) => ({ event, i })).filter(({ event }) => isTold(event));
    this.lines.push("", `life ended by ${printOp(crash)}`, "  I/O before it");
    for (const { event, i } of calls.slice(-CALLS_MAX))
      this.lines.push(`  ${String(i).padStart(6)}  ${describe(event)}`);
    this.lines.push(items.length === 0 ? "  nothing was pending" : "  pending, and what became of it");
    items.forEach((item, i) => this.lines.push(`          ${roles[i]!.padEnd(40)} ${fate(item, choices?.[i])}`));
    const { least, most } = window;
    this.lines.push(`  durable: the first ${least} writes; issued: ${most}`);
  }

  recovered(states: readonly number[]): void {
    this.lines.push(`  recovered: the state after ${states.join(" or ")} writes`);
  }

  verdict({ condition, message, keys }: Failure, phase: string): void {
    this.lines.push("", `${condition} in phase ${phase}: ${message}`);
    for (const { key, expected, found } of keys.slice(0, KEYS_MAX)) {
      const wanted = expected ? `value ${expected.id} of ${expected.length} bytes` : "nothing";
      this.lines.push(`  ${JSON.stringify(key)}: expected ${wanted}, found ${found}`);
    }
  }
}

function fate(item: PendingItem, choice: Choices[number] | undefined): string {
  if (!choice) return "kept by the kernel";
  const newest = item.times.length - 1;
  if (choice.torn !== undefined) return `torn: sectors ${choice.torn.toString(2)} of version ${choice.version}`;
  if (choice.version === 0) return "lost";
  return choice.version === newest ? "survived" : `survived as of version ${choice.version} of ${newest}`;
}

function isTold(event: TraceEvent): boolean {
  return "mark" in event || changesDisk(event);
}

function describe(event: TraceEvent): string {
  if ("mark" in event) return `-- operation ${event.op} ${event.mark === "begin" ? "begins" : "returned"}`;
  const failed = event.error === undefined ? "" : ` failed: ${event.error} (${event.applied ?? "none"} of it done)`;
  return `${callName(event)} ${about(event)}${failed}`;
}

function about(event: Exclude<TraceEvent, { mark: unknown }>): string {
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
