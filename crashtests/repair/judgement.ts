// The judge of what a repair made of a part of a store's files: G30. Each key's newest version must be there unless the
// report says that it is lost, and no key has a value that it never had.

import { open, repair, type Options, type RepairReport } from "tinykv";
import type { Env } from "tinykv/env";
import { differences, readImage, type DirectoryImage } from "../directory-image.ts";

export const STORE = "/store";

/** One write: its sequence number, and what it left; undefined for a delete. */
export interface Written {
  readonly sequence: number;
  readonly value: string | undefined;
}

/** Of each key its versions, newest first. */
export type History = ReadonlyMap<string, readonly Written[]>;

/** What may be gone without a word: nothing; any suffix of what was written after a number; anything. */
export type Unwitnessed = "nothing" | { readonly behind: number } | "anything";

/** What is wrong with a store after its repair, or with the report; undefined: nothing. */
export function wrongAfterRepair(
  env: Env,
  options: Options,
  history: History,
  report: RepairReport,
  unwitnessed: Unwitnessed = "nothing",
): string | undefined {
  const db = open(STORE, { ...options, env });
  try {
    let [seen, gone] = [0, Number.MAX_SAFE_INTEGER];
    for (const [key, versions] of history) {
      const value = db.get(key)?.toString();
      const at = versions.findIndex((version) => version.value === value);
      if (at < 0 && value !== undefined) return `${key} has a value that nobody wrote: ${value}`;
      const wrongNumber = value === undefined ? undefined : numberProblem(db.find(key)[0], versions[at]!);
      if (wrongNumber !== undefined) return `${key}: ${wrongNumber}`;
      // Absent although it was never deleted: then every version must be lost.
      const newer = at < 0 ? versions : versions.slice(0, at);
      const [newest] = newer;
      // An absent key shows nothing: what deleted it may be lost as well.
      if (value !== undefined) seen = Math.max(seen, versions[at]!.sequence);
      if (!newest || newest.value === value || tells(report, key, newest.sequence)) continue;
      if (unwitnessed === "anything") continue;
      if (unwitnessed === "nothing" || newest.sequence <= unwitnessed.behind)
        return `${key} is ${value}; that number ${newest.sequence} is lost the report does not say`;
      gone = Math.min(gone, newest.sequence);
    }
    if (gone < seen) return `number ${gone} is gone, ${seen} is there`;
    const problem = db.verify().problems[0];
    return problem && `verify() finds ${problem.file} at ${problem.offset}: ${problem.problem}`;
  } finally {
    db.close();
  }
}

function numberProblem(found: { readonly sequence: number } | undefined, { sequence }: Written): string | undefined {
  return found?.sequence === sequence
    ? undefined
    : `stands under number ${found?.sequence}, was written as ${sequence}`;
}

/** Whether a report names this version of a key among what is lost. */
export function tells({ lost }: RepairReport, key: string, sequence: number): boolean {
  return lost.some(({ keys, sequences }) => {
    const inKeys = keys.some(({ from, after, upTo }) => {
      if (from && key < from.toString()) return false;
      if (after && key <= after.toString()) return false;
      return !upTo || key <= upTo.toString();
    });
    const inSequences = sequences.some(({ least, greatest }) => least <= sequence && sequence <= greatest);
    return (keys.length === 0 || inKeys) && (sequences.length === 0 || inSequences);
  });
}

/** What of the damaged files is not in lost/ as it was, be it that the report says so or not. */
export function notKept(env: Env, damaged: DirectoryImage, files: readonly string[], report: RepairReport): string[] {
  const kept = readImageOr(env, `${STORE}/lost`);
  const untrue = report.moved.filter((name) => !kept.get(name)?.equals(damaged.get(name.replace(/-0$/, ""))!));
  const isWhole = (file: string): boolean =>
    report.files.some((one) => one.file === file && (one.state === "whole" || one.state === "torn"));
  const lacking = files.filter((file) => {
    const bytes = damaged.get(file);
    return report.rebuilt && bytes && bytes.length > 0 && !isWhole(file) && !report.moved.includes(`${file}-0`);
  });
  return [...untrue, ...lacking];
}

/** What a second repair finds or changes; undefined: nothing. */
export function secondRepairProblem(env: Env, options: Options): string | undefined {
  const before = readImage(env, STORE);
  const again = repair(STORE, { ...options, env });
  if (!again.ok || again.rebuilt) return `a second repair finds something: ${JSON.stringify(again.lost)}`;
  const changed = differences(before, readImage(env, STORE));
  return changed.length > 0 ? `a second repair changed ${changed.join(", ")}` : undefined;
}

/** What goes wrong when the repaired store is written to, compacted and opened again; undefined: nothing. */
export function laterProblem(env: Env, options: Options, history: History): string | undefined {
  const first = open(STORE, { ...options, env });
  const before = new Map([...history.keys()].map((key) => [key, first.get(key)?.toString()]));
  for (let i = 0; i < 20; i++) {
    first.put(`z${i % 7}`, `y${i}`);
    if (i % 5 === 0) first.flush();
  }
  // They are the newest by their numbers, whatever the repair has read.
  for (const key of history.keys()) if (key.endsWith("1")) first.put(key, "later");
  for (let i = 0; i < 7; i++) first.delete(`z${i}`);
  first.compactRange();
  first.close();
  const second = open(STORE, { ...options, env });
  try {
    for (const [key, value] of before) {
      const wanted = key.endsWith("1") ? "later" : value;
      const found = second.get(key)?.toString();
      if (found !== wanted) return `${key} is ${found} later, not ${wanted}`;
    }
    for (let i = 0; i < 7; i++) if (second.has(`z${i}`)) return `z${i} was deleted and is there`;
    return undefined;
  } finally {
    second.close();
  }
}

function readImageOr(env: Env, path: string): DirectoryImage {
  try {
    return readImage(env, path);
  } catch {
    return new Map();
  }
}
