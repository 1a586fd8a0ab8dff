import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readArtifact, readKept } from "./artifact-files.ts";
import { addToArtifact, writeArtifact } from "./artifacts.ts";
import { parseTrace } from "./disk/trace-file.ts";
import type { Finding } from "./finding.ts";
import { parseOp } from "./op-parse.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tinykv-artifacts-test-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const FINDING: Finding = {
  condition: "C3",
  phase: "open",
  message: "lost",
  seed: "7:crash:3/../x",
  workload: "mixed",
  config: "small,blockSize=64",
  ops: [parseOp("1 put a 0.1.20 sync"), parseOp("2 crash power none")],
  keys: [{ key: "a", expected: { incarnation: 0, id: 1, length: 20 }, found: "nothing" }],
  stack: "Error: lost\n  at here",
};
const EXTRAS = { campaign: "crash", command: "npx tinykv-harness crash --seed 7" };

test("what was written is read back, from the directory and from the log alone", () => {
  const directory = writeArtifact(root, FINDING, EXTRAS);
  expect(directory).toBe(join(root, "crash-7-crash-3-..-x-C3"));
  const { log, failure } = readArtifact(directory);
  expect(log.ops).toEqual(FINDING.ops);
  expect(log.header).toMatchObject({ seed: FINDING.seed, workload: "mixed", config: "small,blockSize=64" });
  expect(failure).toEqual({
    campaign: "crash",
    condition: "C3",
    phase: "open",
    message: "lost",
    keys: FINDING.keys,
    seed: FINDING.seed,
    workload: "mixed",
    config: FINDING.config,
    stack: FINDING.stack,
    replay: `npx tinykv-harness replay ${directory}`,
    command: EXTRAS.command,
  });
  expect(readFileSync(join(directory, "command.txt"), "utf8")).toBe(`${EXTRAS.command}\n`);
  expect(readArtifact(join(directory, "ops.txt"))).toEqual({ log, failure: undefined });
});

test("no artifact overwrites another", () => {
  const directories = [1, 2, 3].map(() => writeArtifact(root, FINDING, EXTRAS));
  expect(directories.map((directory) => directory.slice(root.length + 1))).toEqual([
    "crash-7-crash-3-..-x-C3",
    "crash-7-crash-3-..-x-C3-2",
    "crash-7-crash-3-..-x-C3-3",
  ]);
});

test("what is found out later is added, and changes nothing that was kept", () => {
  const directory = writeArtifact(root, FINDING, EXTRAS);
  const store = join(root, "store");
  mkdirSync(store);
  writeFileSync(join(store, "CURRENT"), "as it was");
  const files = new Map([["/d/store/CURRENT", { bytes: Buffer.from("torn") }]]);
  const image = { files, directories: ["/", "/d", "/d/store", "/d/store/lost"] };
  const trace = [{ mark: "begin", op: 1 } as const];
  const shrunk = { ops: FINDING.ops.slice(1), config: "default" };
  const before = readFileSync(join(directory, "ops.txt"), "utf8");
  addToArtifact(directory, FINDING, { store, image, trace, shrunk, account: ["one", "two"], traceHash: "abc" });
  expect(readFileSync(join(directory, "image/d/store/CURRENT"), "utf8")).toBe("torn");
  expect(existsSync(join(directory, "image/d/store/lost"))).toBe(true);
  expect(readFileSync(join(directory, "store/CURRENT"), "utf8")).toBe("as it was");
  expect(parseTrace(readFileSync(join(directory, "trace.txt"), "utf8"))).toEqual(trace);
  expect(readFileSync(join(directory, "account.txt"), "utf8")).toBe("one\ntwo\n");
  expect(readArtifact(join(directory, "shrunk.txt")).log).toMatchObject({
    header: { config: "default" },
    ops: shrunk.ops,
  });
  expect(readArtifact(directory).failure).toMatchObject({ traceHash: "abc", condition: "C3" });
  expect(readFileSync(join(directory, "ops.txt"), "utf8")).toBe(before);
  expect(addToArtifact(directory, FINDING, { shrunk })).toBe(join(directory, "shrunk.txt"));
  const other = { ops: [], config: "default" };
  expect(addToArtifact(directory, FINDING, { shrunk: other })).toBe(join(directory, "shrunk-2.txt"));
  rmSync(join(directory, "shrunk-2.txt"));
  addToArtifact(directory, FINDING, { account: ["three"], image: { files: new Map(), directories: [] } });
  expect(readFileSync(join(directory, "account.txt"), "utf8")).toBe("one\ntwo\n");
  expect(readdirSync(directory).sort()).toEqual(
    "account.txt command.txt failure.json image ops.txt report.html shrunk.txt store trace.txt".split(" "),
  );
});

test("a log whose ids do not rise is kept with new ones, and crashes keep their addresses", () => {
  const ops = ["4 put a 0.4.20", "0 fault write 0 none EIO once", "9 flush"].map(parseOp);
  ops.push(parseOp("10 crash power at=9 call=write nth=1 when=after none"));
  const { log } = readArtifact(writeArtifact(root, { ...FINDING, ops }, EXTRAS));
  expect(log.ops.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  expect(log.ops[0]).toMatchObject({ kind: "put", value: { id: 4 } });
  expect(log.ops[3]).toMatchObject({ kind: "crash", at: { op: 3, call: "write", nth: 1 } });
});

test("a story says which log it is about, and the page is made of what is there", () => {
  const directory = writeArtifact(root, FINDING, EXTRAS);
  const page = (): string => readFileSync(join(directory, "report.html"), "utf8");
  expect(page()).not.toContain(">Timeline</h2>");
  const trace = [{ call: "makeDirectory", path: "/d/store" } as const];
  const story = { lives: [{ from: 0, to: 1 }] };
  const shrunk = { ops: FINDING.ops.slice(1), config: "default" };
  addToArtifact(directory, FINDING, { story, trace, shrunk });
  expect(page()).toContain(">Timeline</h2>");
  expect(readKept(directory).story).toEqual({ log: "shrunk.txt", ...story });
  expect(readKept(directory).told!.ops).toEqual(shrunk.ops);
  addToArtifact(directory, FINDING, { story: { lives: [] } });
  expect(readKept(directory).story!.lives.length).toBe(1);
});
