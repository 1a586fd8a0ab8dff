// Counters of a campaign that was run in parts, and of one that was run twice.

import { createHash } from "node:crypto";
import { mergeCoverage } from "../crash/coverage.ts";
import type { CampaignResult, Counters } from "./tasks.ts";

/** Numbers add up, truths hold of all, hashes are hashed together; tables are merged in the same way. */
export function mergeCounters(parts: readonly Counters[]): Counters {
  if (parts.length === 1) return parts[0]!;
  const names = new Set(parts.flatMap((part) => Object.keys(part)));
  return Object.fromEntries([...names].map((name) => [name, merge(parts.map((part) => part[name]))]));
}

/** The names of counters that differ, tables by their entries ("configs.small"). */
export function differingCounters(one: Counters, other: Counters, prefix = ""): string[] {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return names.flatMap((name) => {
    const [a, b] = [one[name], other[name]];
    if (isTable(a) && isTable(b)) return differingCounters(a, b, `${prefix}${name}.`);
    return JSON.stringify(a) === JSON.stringify(b) ? [] : [prefix + name];
  });
}

/** What the parts of a campaign covered together; nothing if none of them crashed. */
export function coverageOf(parts: readonly Pick<CampaignResult, "coverage">[]): Pick<CampaignResult, "coverage"> {
  const all = parts.flatMap(({ coverage }) => coverage ?? []);
  return all.length === 0 ? {} : { coverage: mergeCoverage(all) };
}

function merge(values: readonly unknown[]): unknown {
  const present = values.filter((value) => value !== undefined);
  if (present.every((value) => typeof value === "number")) return present.reduce((sum, value) => sum + value, 0);
  if (present.every((value) => typeof value === "boolean")) return present.every(Boolean);
  if (present.every(isTable)) return mergeCounters(present);
  if (present.every((value) => typeof value === "string")) {
    return createHash("sha256").update(present.join("\n")).digest("hex");
  }
  return present.flat();
}

function isTable(value: unknown): value is Counters {
  return typeof value === "object" && !Array.isArray(value);
}
