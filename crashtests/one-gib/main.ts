// One GiB: loaded by a process that is killed with SIGKILL the moment its last batch is acknowledged, read back whole by
// another; and a copy that has lost CURRENT and manifest is repaired and read back whole by a third.
// `npm run one-gib -- [--scale 0.01] [--directory DIR]`
//
// Prints, for each store, wall times, bytes written per byte stored, the tables of level 0 before and after
// compactRange, and the peak memory of the processes. Exit 1 if a single entry is missing or wrong, 2 for bad usage.

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runChild, type ChildEnd } from "./children.ts";
import type { Message } from "./messages.ts";
import { KEY_BYTES, plansFor, type Plan } from "./plan.ts";

/** A finding, in the words that the user sees. */
class Mismatch extends Error {}

interface Row {
  readonly what: string;
  readonly value: string;
}

async function main(): Promise<number> {
  const usage = readUsage();
  if (typeof usage === "string") {
    console.error(`one-gib: ${usage}`);
    return 2;
  }
  const root = mkdtempSync(join(usage.directory, "tinykv-one-gib-"));
  try {
    for (const plan of plansFor(usage.scale, (index) => join(root, String(index)))) {
      printTable(plan, await runPlan(plan));
      rmSync(plan.directory, { recursive: true, force: true });
    }
    console.log("ok: every acknowledged entry was there and right");
    return 0;
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    console.error(`one-gib: ${error.message}`);
    return 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function readUsage(): { scale: number; directory: string } | string {
  try {
    const { values } = parseArgs({ options: { scale: { type: "string" }, directory: { type: "string" } } });
    const scale = Number(values.scale ?? "1");
    if (!(scale > 0 && scale <= 16)) return "--scale is a number above 0, at most 16";
    return { scale, directory: values.directory ?? tmpdir() };
  } catch (error) {
    return (error as Error).message;
  }
}

async function runPlan(plan: Plan): Promise<Row[]> {
  const loaded = await runChild("load", plan);
  if (loaded.signal !== "SIGKILL") throw new Mismatch(`${plan.name}: the loading process ${endOf(loaded)}`);
  const toRepair = { ...plan, directory: `${plan.directory}-repaired` };
  cpSync(plan.directory, toRepair.directory, { recursive: true });
  const checked = await runChild("check", plan);
  if (checked.exitCode !== 0) throw new Mismatch(`${plan.name}: the reading process ${endOf(checked)}`);
  const repaired = await runChild("repair", toRepair);
  if (repaired.exitCode !== 0) throw new Mismatch(`${plan.name}: the repairing process ${endOf(repaired)}`);
  rmSync(toRepair.directory, { recursive: true, force: true });
  return [...loadRows(plan, loaded), ...checkRows(plan, checked), ...repairRows(repaired)];
}

function loadRows(plan: Plan, { messages, seconds }: ChildEnd): Row[] {
  const { stats, peakKiB } = only(messages, "loaded");
  const stored = storedBytes(plan);
  const levels = stats.levels.map(({ tables }) => tables).join(" ");
  return [
    { what: "entries", value: String(plan.entries) },
    { what: "bytes stored", value: mebibytes(stored) },
    { what: "load", value: `${seconds.toFixed(1)} s, ${(stored / 1e6 / seconds).toFixed(0)} MB/s` },
    { what: "written per byte stored", value: (stats.io.writeBytes / stored).toFixed(2) },
    { what: "write amplification (stats)", value: stats.writeAmplification.toFixed(2) },
    { what: "tables a level at the kill", value: levels },
    { what: "peak memory, loading", value: mebibytes(peakKiB * 1024) },
  ];
}

function checkRows(plan: Plan, { messages }: ChildEnd): Row[] {
  const { before, after, peakKiB } = only(messages, "checked");
  return [
    ...phaseRows(messages),
    { what: "level 0 before compactRange", value: `${before.tables} tables` },
    { what: "level 0 after compactRange", value: `${after.tables} tables` },
    { what: "table bytes per byte stored", value: (after.bytes / storedBytes(plan)).toFixed(3) },
    { what: "peak memory, reading", value: mebibytes(peakKiB * 1024) },
  ];
}

function repairRows({ messages }: ChildEnd): Row[] {
  const { doubtful, peakKiB } = only(messages, "repaired");
  return [
    ...phaseRows(messages),
    { what: "tables cut short by the kill", value: String(doubtful) },
    { what: "peak memory, repairing", value: mebibytes(peakKiB * 1024) },
  ];
}

function phaseRows(messages: readonly Message[]): Row[] {
  const phases = messages.flatMap((message) => (message.kind === "phase" ? [message] : []));
  return phases.map(({ name, seconds }) => ({ what: name, value: `${seconds.toFixed(2)} s` }));
}

function storedBytes({ entries, valueBytes }: Plan): number {
  return entries * (KEY_BYTES + valueBytes);
}

function only<Kind extends Message["kind"]>(messages: readonly Message[], kind: Kind): Message & { kind: Kind } {
  const found = messages.find((message) => message.kind === kind);
  if (!found) throw new Mismatch(`a child ended without saying "${kind}"`);
  return found as Message & { kind: Kind };
}

function endOf({ exitCode, signal, stderr }: ChildEnd): string {
  const said = stderr.split("\n").find((line) => /^\w*Error\b/.test(line)) ?? stderr;
  return `ended with ${signal ?? `exit code ${exitCode}`}: ${said}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}

function printTable(plan: Plan, rows: readonly Row[]): void {
  console.log(plan.name);
  for (const { what, value } of rows) console.log(`  ${what.padEnd(30)}${value.padStart(20)}`);
  console.log("");
}

process.exitCode = await main();
