// The text of strace for a store in /real/store, and what it is as events.

import type { TraceEvent } from "../disk/trace.ts";
import { StoreTrace } from "./store-trace.ts";
import { systemCalls } from "./system-calls.ts";

export interface Traced {
  readonly events: readonly string[];
  readonly answers: readonly string[];
  readonly notCovered: readonly string[];
  readonly isWhole: boolean;
}

export function hex(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

/** A path in a string. */
export function named(path: string): string {
  return `"${hex(path)}"`;
}

/** A descriptor of it. */
export function fd(number: number, path: string): string {
  return `${number}<${hex(path)}>`;
}

export const HERE: string = `AT_FDCWD<${hex("/elsewhere")}>`;

function inWords(event: TraceEvent): string {
  const { call, ...rest } = event as { call: string };
  const words = Object.entries(rest)
    .filter(([name]) => name !== "barrier")
    .map(([, value]) => (value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value)));
  return [call, ...words].join(" ");
}

export function trace(...lines: string[]): Traced {
  const events: string[] = [];
  const answers: string[] = [];
  const store = new StoreTrace({
    directory: "/real/store",
    name: "/db",
    sizes: new Map(),
    event: (event) => events.push(inWords(event)),
    answered: (line) => answers.push(line),
  });
  store.takeAll(systemCalls(lines.map((line) => (/^\d+ {4}/.test(line) ? line : `77    ${line}`))));
  return { events, answers, notCovered: [...store.notCovered], isWhole: store.isWhole };
}

/** Lines of another thread. */
export function others(...lines: string[]): string[] {
  return lines.map((line) => `78    ${line}`);
}

export const OPEN: string = `openat(${HERE}, ${named("/real/store/log")}, O_RDWR|O_CREAT, 0644) = ${fd(5, "/real/store/log")}`;
export const LOG: string = fd(5, "/real/store/log");
