// Goals of shrinking that concern configurations.

import { parseConfiguration } from "./configurations.ts";
import type { Op } from "./op.ts";
import type { Shrinker } from "./shrink-state.ts";

/** `default`; else as few settings as will do, if that says more than the name it had. */
export async function defaultConfiguration(shrinker: Shrinker): Promise<void> {
  const { config } = shrinker;
  if (config === "default" || (await tryConfiguration(shrinker, "default"))) return;
  const { options, env, watched } = parseConfiguration(config);
  // What such a configuration does cannot be said in settings.
  if (env !== "default" || watched) return;
  let settings = Object.entries(options).map(([option, value]) => `${option}=${String(value)}`);
  const all = settings.length;
  for (const setting of settings) {
    const fewer = settings.filter((other) => other !== setting);
    if (fewer.length > 0 && (await tryConfiguration(shrinker, fewer.join(",")))) settings = fewer;
  }
  if (settings.length === all) return;
  // The store may as well be reopened with what it was opened with.
  await reopenToTheSame(shrinker);
}

/** Every reopen with what the store was opened with: all at once, then one by one. */
export async function reopenToTheSame(shrinker: Shrinker): Promise<void> {
  const { config } = shrinker;
  const others = shrinker.ops.filter((op) => op.kind === "reopen" && op.config !== config);
  if (others.length === 0) return;
  if (await shrinker.try(shrinker.ops.map((op) => (op.kind === "reopen" ? { ...op, config } : op)))) return;
  if (others.length === 1) return;
  for (const { id } of others) {
    await shrinker.try(shrinker.ops.map((op) => (op.id === id && op.kind === "reopen" ? { ...op, config } : op)));
  }
}

// Reopens with the old configuration go along.
async function tryConfiguration(shrinker: Shrinker, config: string): Promise<boolean> {
  const { ops, config: old } = shrinker;
  const isOld = (op: Op): boolean => op.kind === "reopen" && op.config === old;
  const along = ops.map((op) => (op.kind === "reopen" && isOld(op) ? { ...op, config } : op));
  return (await shrinker.try(along, config)) || (ops.some(isOld) && (await shrinker.try(ops, config)));
}
