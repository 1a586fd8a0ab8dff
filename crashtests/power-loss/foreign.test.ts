// Crash images of an engine that is not ours. A small one that appends to a log and syncs it, but never its directory, loses
// the log's name: it claims more than it keeps. Needs strace.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  fastDirectory,
  type ForeignRun,
  generate,
  Oracle,
  recordDriver,
  StdioEngine,
  STORE,
  straceProblem,
  type TraceEvent,
} from "tinykv/harness";
import { afterEach, beforeEach, expect, test } from "vitest";
import { crashForeign, type ForeignResult } from "./foreign.ts";

const DRIVER = fileURLToPath(
  new URL("../../dist/harness/engines/drivers/cheating-driver.test-support.js", import.meta.url),
);
const OURS = fileURLToPath(new URL("../../dist/examples/stdio-tinykv/driver.js", import.meta.url));

const problem = straceProblem();
if (problem !== undefined) console.log(`crash images of other engines are not tested: ${problem}`);

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(fastDirectory(), "tinykv-foreign-test-"));
});
afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

async function record(command: readonly string[]): Promise<ForeignRun> {
  const ops = [...generate({ seed: "foreign", workload: "write-heavy", ops: 40, keys: 20, syncRatio: 0.5 })];
  return recordDriver({ name: "driver", command, ops, config: "default", scratch: join(scratch, "recorded") });
}

function crashRecorded(run: ForeignRun, command: readonly string[], images: number): ForeignResult {
  const engine = StdioEngine.find("driver", command, join(scratch, "probe"));
  return crashForeign({ run, engine, config: "default", seed: "1", images, scratch });
}

async function crash(command: readonly string[], images: number): Promise<ForeignResult> {
  const run = await record(command);
  expect(run.notCovered).toEqual([]);
  return crashRecorded(run, command, images);
}

test.skipIf(problem !== undefined)(
  "a driver that never syncs its directory loses its log, and that is what is told",
  async () => {
    const { findings, images } = await crash([process.execPath, DRIVER, "honest"], 60);
    expect(images).toBe(60);
    const lost = findings.filter(({ condition }) => condition === "C3").map((finding) => finding.lost);
    expect(lost).toContainEqual([expect.stringMatching(/log/)]);
  },
);

test.skipIf(problem !== undefined)("our own engine, watched from outside, loses nothing", async () => {
  const { findings, images } = await crash([process.execPath, "--no-warnings", OURS], 40);
  expect(findings).toEqual([]);
  expect(images).toBe(40);
});

test.skipIf(problem !== undefined)("an engine without scans is asked for every key", async () => {
  const { findings, images } = await crash([process.execPath, DRIVER, "honest", "no-scans"], 20);
  expect(images).toBe(20);
  expect(findings.map(({ message }) => message).join()).not.toContain("UNSUPPORTED");
});

test.skipIf(problem !== undefined)(
  "a store that is built beside its place and renamed into it is not covered",
  async () => {
    const command = [process.execPath, DRIVER, "builds-beside"];
    const run = await record(command);
    expect(run.ops.length).toBeGreaterThan(20);
    expect(run.notCovered).toEqual([expect.stringMatching(/^rename of store\.new to store, .*no image is tried$/)]);
    const { images, findings } = crashRecorded(run, command, 20);
    expect({ images, findings }).toEqual({ images: 0, findings: [] });
  },
);

// Where its last file is, it complains of the first of the others that is missing, and of no second one.
const THREE_FILES = {
  capabilities: new Set(["scan"]),
  open: (directory: string) => {
    const isComplete = existsSync(join(directory, "last"));
    for (const name of ["a", "b"]) if (isComplete && !existsSync(join(directory, name))) throw new Error(`no ${name}`);
    return { scan: () => [], kill: () => undefined, reap: () => undefined };
  },
} as unknown as StdioEngine;

test("what is told and kept is the image in which nothing is lost but what is named", () => {
  const trace: TraceEvent[] = [
    { call: "makeDirectory", path: STORE },
    { call: "open", path: `${STORE}/a`, mode: "wx", file: 1 },
    { call: "open", path: `${STORE}/b`, mode: "wx", file: 2 },
    { call: "open", path: `${STORE}/last`, mode: "wx", file: 3 },
  ];
  const oracle = new Oracle();
  const window = { power: oracle.window("power"), kill: oracle.window("kill") };
  const run: ForeignRun = { ops: [], trace, windows: trace.map(() => window).concat(window), oracle, notCovered: [] };
  const findings = Array.from({ length: 12 }, (_, seed) =>
    crashForeign({ run, engine: THREE_FILES, config: "default", seed: String(seed), images: 50, scratch }),
  ).flatMap((result) => result.findings);
  const ofB = findings.filter(({ lost }) => lost.join() === "create:b");
  expect(ofB.length).toBeGreaterThan(0);
  for (const { message, image } of ofB) {
    expect(message).toContain("no b");
    expect([...image.files.keys()]).toEqual([`${STORE}/a`, `${STORE}/last`]);
  }
});
