// When the calls of a trace take effect: where they return, with these exceptions.
//
// close() frees its number as it begins, and another thread may have it again before the call returns. A sync that others'
// calls came into covers what they did before it began, at most. A child may call before the call that made it returns.

import type { SystemCall } from "./system-calls.ts";

export interface Effect {
  readonly call: SystemCall;
  /** A sync that others came into has two; a call that makes a child has but its birth. */
  readonly phase: "whole" | "begin" | "end" | "birth";
}

const SYNCS: ReadonlySet<string> = new Set(["fsync", "fdatasync"]);
const BIRTHS: ReadonlySet<string> = new Set(["clone", "clone3", "fork", "vfork"]);

/** In their order. */
export function effectsOf(calls: Iterable<SystemCall>): Effect[] {
  const effects: { readonly line: number; readonly effect: Effect }[] = [];
  const births: SystemCall[] = [];
  const firstLines = new Map<number, number>();
  const add = (line: number, call: SystemCall, phase: Effect["phase"]): void => {
    effects.push({ line, effect: { call, phase } });
  };
  for (const call of calls) {
    const { name, begun, ended, thread } = call;
    firstLines.set(thread, Math.min(begun, firstLines.get(thread) ?? begun));
    if (BIRTHS.has(name)) births.push(call);
    else if (name === "close" || name === "close_range") add(begun, call, "whole");
    else if (!SYNCS.has(name) || begun === ended) add(ended, call, "whole");
    else {
      add(begun, call, "begin");
      add(ended, call, "end");
    }
  }
  for (const call of births) add(Math.min(call.ended, firstLines.get(call.result) ?? call.ended) - 0.5, call, "birth");
  return effects.sort((a, b) => a.line - b.line).map(({ effect }) => effect);
}
