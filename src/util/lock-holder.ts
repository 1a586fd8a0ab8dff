// What LOCK contains: who holds it, as one line of JSON. A pid alone would be ambiguous, since the system gives it to
// other processes later, after a restart at the latest; with its start time and the id of the boot it is not.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { errnoOf } from "../common/errors.ts";

/** An empty string stands for what this system cannot say. */
export interface Holder {
  readonly pid: number;
  readonly start: string;
  readonly bootId: string;
  readonly host: string;
}

/** No system has greater ones; beyond it process.kill() takes numbers for others. */
const PID_MAX = 2 ** 31 - 1;
/** Start times, boot ids and host names are shorter, and LOCK's content, which may be anybody's, is shown on terminals. */
const TEXT = /^[^\p{Cc}]{0,255}$/u;

let known: Holder | undefined;

export function thisProcess(): Holder {
  known ??= {
    pid: process.pid,
    start: startOf(process.pid) ?? "",
    bootId: readIfThere("/proc/sys/kernel/random/boot_id").trim(),
    host: hostname(),
  };
  return known;
}

export function encodeHolder(holder: Holder): Buffer {
  return Buffer.from(`${JSON.stringify(holder)}\n`);
}

/** undefined for anything that is not a holder, half of one included. */
export function decodeHolder(text: string): Holder | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || !value) return undefined;
  const { pid, start, bootId, host } = value as Record<string, unknown>;
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0 || pid > PID_MAX) return undefined;
  if (!isText(start) || !isText(bootId) || !isText(host)) return undefined;
  return { pid, start, bootId, host };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && TEXT.test(value);
}

/** "process 1234", and where that is. */
export function describeHolder(holder: Holder): string {
  if (isOfAnotherHost(holder)) return `process ${holder.pid} of host ${holder.host}`;
  return `process ${holder.pid}${holder.pid === process.pid ? ", this one" : ""}`;
}

/** Nothing can be said of a process there. */
export function isOfAnotherHost(holder: Holder): boolean {
  return holder.host !== thisProcess().host;
}

/** Whether the process that wrote this still runs; for a holder of this host. */
export function isAlive(holder: Holder): boolean {
  const { bootId } = thisProcess();
  if (holder.bootId !== "" && bootId !== "" && holder.bootId !== bootId) return false;
  const start = startOf(holder.pid);
  return start !== undefined && (start === holder.start || start === "" || holder.start === "");
}

/** When a process started, in the words of this system ("" if it cannot say); undefined if there is no such process. */
function startOf(pid: number): string | undefined {
  if (!pidExists(pid)) return undefined;
  if (process.platform === "linux") return startInProc(pid);
  if (process.platform === "win32") return "";
  const ps = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return (ps.stdout ?? "").trim();
}

// proc_pid_stat(5): the command, in parentheses, may contain anything; the state follows it, and 19 fields behind the
// state stands the start time, in ticks since the boot. A zombie holds nothing any more.
function startInProc(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === "Z" || state === "X") return undefined;
  return fields[18] ?? "";
}

// Signal 0 is no signal: nothing ever reaches the process that LOCK names.
function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM"; // another user's, but there
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
