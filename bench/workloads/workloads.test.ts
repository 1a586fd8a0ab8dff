import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Database } from "tinykv";
import { fastDirectory } from "tinykv/harness";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NodeContestant } from "../contest/node-contestant.ts";
import { measure, prepare } from "../measure/run-task.ts";
import type { Answer, Measurement } from "../measure/measurement.ts";
import type { EngineName } from "../stores/open-store.ts";
import { WORKLOADS } from "./catalogue.ts";
import { KEY_BYTES } from "./keys.ts";

const KEYS = 2000;
const VALUE_BYTES = 100;
const SUBJECT = { keys: KEYS, valueBytes: VALUE_BYTES, seed: "test", options: {} };
const ENGINES: readonly EngineName[] = ["tinykv", "classic-level", "lmdb"];

/** What an engine does not offer; everything else it must measure. */
const UNSUPPORTED: Partial<Record<EngineName, readonly string[]>> = {
  tinykv: "putAsync" in Database.prototype ? [] : ["fillsync64"],
  "classic-level": ["readseq-cursor"],
  lmdb: ["readseq-cursor", "compact"],
};

let root: string;
beforeAll(() => void (root = mkdtempSync(join(fastDirectory(), "tinykv-bench-test-"))));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function run(engine: EngineName, workload: (typeof WORKLOADS)[number], latency: boolean): Promise<Answer> {
  const directory = mkdtempSync(join(root, `${engine}-`));
  const { start } = workload;
  if (start !== "empty") await prepare({ ...SUBJECT, kind: "prepare", engine, directory, start });
  return measure({
    ...SUBJECT,
    kind: "measure",
    engine,
    directory,
    workload: workload.name,
    secondsMax: 0.02,
    latency,
  });
}

function checkMeasurement(workload: (typeof WORKLOADS)[number], latency: boolean, measurement: Measurement): void {
  expect(measurement.ops).toBeGreaterThan(0);
  expect(measurement.milliseconds).toBeGreaterThan(0);
  expect(measurement.call).toMatch(/[a-zA-Z]/);
  expect(measurement.liveBytes! % (KEY_BYTES + VALUE_BYTES)).toBe(0);
  expect(measurement.diskBytes).toBeGreaterThan(0);
  if (process.platform === "linux") {
    expect(measurement.writtenBytes).toBeGreaterThanOrEqual(workload.changes && workload.name !== "ycsb-c" ? 1 : 0);
  }
  expect(measurement.histogram !== undefined).toBe(latency && !workload.noLatency);
  if (!measurement.histogram) return;
  const { p50, p99, max, count } = measurement.histogram;
  expect(p50).toBeGreaterThan(0);
  expect(p99).toBeGreaterThanOrEqual(p50);
  expect(max).toBeGreaterThanOrEqual(p99);
  expect(count).toBe(workload.name === "fillbatch" ? measurement.ops / 1000 : measurement.ops);
}

const INSIDE = WORKLOADS.filter(({ start }) => start !== "log");

describe.each(ENGINES)("%s", (engine) => {
  test.each(INSIDE.map((workload) => [workload.name, workload] as const))("%s is measured", async (name, workload) => {
    const latency = !workload.noLatency;
    const answer = await run(engine, workload, latency);
    expect(answer.kind).toBe(UNSUPPORTED[engine]!.includes(name) ? "unsupported" : "measured");
    if (answer.kind === "measured") checkMeasurement(workload, latency, answer.measurement);
  });
});

test.each(["tinykv", "classic-level"] as const)(
  "recover reads all records that a killed process of %s left",
  async (engine) => {
    const contestant = NodeContestant.find(engine, join(root, `${engine}-recover`), {})!;
    const heat = {
      workload: "recover",
      keys: KEYS,
      valueBytes: VALUE_BYTES,
      seed: "test",
      secondsMax: 1,
      latency: false,
    };
    const answer = await contestant.run(heat);
    if (answer.kind !== "measured") throw new Error(`${engine} was not measured`);
    expect(answer.measurement.ops).toBe(KEYS);
    contestant.release();
  },
);

test("a workload that finds what is not there fails: gets of keys that nobody put", async () => {
  const workload = WORKLOADS.find(({ name }) => name === "readrandom")!;
  const directory = mkdtempSync(join(root, "empty-"));
  const task = { ...SUBJECT, kind: "measure", engine: "tinykv", directory, workload: workload.name } as const;
  await expect(measure({ ...task, secondsMax: 0.02, latency: false })).rejects.toThrow(/keys were not there/);
});

test("the time limit ends a run early, and only what was done is counted", async () => {
  const workload = WORKLOADS.find(({ name }) => name === "fillsync")!;
  const directory = mkdtempSync(join(root, "limit-"));
  const answer = await measure({
    ...SUBJECT,
    kind: "measure",
    engine: "tinykv",
    directory,
    workload: workload.name,
    keys: 10_000_000,
    secondsMax: 0.05,
    latency: false,
  });
  if (answer.kind !== "measured") throw new Error("fillsync was not measured");
  expect(answer.measurement.ops).toBeLessThan(10_000);
  expect(answer.measurement.liveBytes).toBeLessThanOrEqual(answer.measurement.ops * (KEY_BYTES + VALUE_BYTES));
});
