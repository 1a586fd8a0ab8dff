import { expect, test } from "vitest";
import { ContentStore, makeImage } from "../disk/image.ts";
import { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { Trace, TraceEvent } from "../disk/trace.ts";
import { parseOp } from "../op-parse.ts";
import { CoverageCounter, mergeCoverage, TraceMap, type CoverageCell } from "./coverage.ts";

const event = (one: object): TraceEvent => one as TraceEvent;
const write = (position: number): TraceEvent => event({ call: "write", file: 1, position, bytes: new Uint8Array(1) });

const TRACE: Trace = [
  event({ mark: "begin", op: 0 }),
  event({ call: "open", path: "/a", mode: "wx", file: 1 }),
  event({ call: "syncDirectory", path: "/", barrier: "create.directory" }),
  event({ mark: "end", op: 0, acknowledged: true }),
  event({ mark: "begin", op: 1 }),
  write(0),
  write(5000),
  event({ call: "now" }),
  event({ call: "sync", file: 1, barrier: "log.write" }),
  event({ mark: "end", op: 1, acknowledged: true }),
  event({ mark: "begin", op: 2 }),
  write(0),
  event({ call: "syncBegin", file: 1, barrier: "log.group", sync: 1 }),
  event({ mark: "end", op: 2, acknowledged: true }),
  event({ call: "syncEnd", sync: 1 }),
];
const OPS = [parseOp("1 put a 0.1.20 sync"), parseOp("2 putAsync t a 0.2.20")];

function diskAt(i: number): SimulatedDisk {
  const disk = new SimulatedDisk(makeImage([], ["/"]), new ContentStore());
  TRACE.slice(0, i + 1).forEach((one, n) => disk.apply(one, n + 1));
  return disk;
}

test("each point of a trace lies behind one sync and before the next, or inside one", () => {
  const map = new TraceMap(TRACE, OPS);
  const place = (i: number): unknown[] => {
    const { phase, after, before, inside } = map.at(i, diskAt(i));
    return [phase, after, before, inside];
  };
  expect(place(1)).toEqual(["create", undefined, "create.directory", undefined]);
  expect(place(3)).toEqual(["create", "create.directory", "log.write", undefined]);
  expect(place(6)).toEqual(["write", "create.directory", "log.write", undefined]);
  expect(place(8)).toEqual(["write", "log.write", "log.group", undefined]);
  expect(place(13)).toEqual(["async write", "log.write", undefined, "log.group"]);
  expect(place(14)).toEqual(["async write", "log.group", undefined, undefined]);
  expect(new TraceMap(TRACE).at(6, diskAt(6)).phase).toBe("recovery");
});

function cellsAt(i: number, versions: readonly number[]): string[] {
  const counter = new CoverageCounter();
  const choices = versions.map((version) => ({ version }));
  counter.countPower(new TraceMap(TRACE, OPS).at(i, diskAt(i)), "power", 0, () => choices);
  return counter.coverage().cells.map(({ barrier, place }) => `${place} ${barrier}`);
}

test("an image with a part of what the next sync is about is one of inside it", () => {
  // Two pages and the size: pending() lists them in this order, the size in two versions.
  expect(
    diskAt(6)
      .pending()
      .map(({ kind, times }) => `${kind} ${times.length - 1}`),
  ).toEqual(["page 1", "page 1", "size 2"]);
  expect(cellsAt(6, [0, 0, 0])).toEqual(["after create.directory", "before log.write"]);
  expect(cellsAt(6, [1, 1, 2])).toEqual(["after create.directory", "before log.write"]);
  for (const part of [
    [1, 0, 0],
    [1, 1, 1],
    [0, 0, 2],
  ])
    expect(cellsAt(6, part)).toEqual(["after create.directory", "inside log.write"]);
  // There is another write before the sync: it is not in the middle of anything yet.
  expect(cellsAt(5, [1, 0])).toEqual(["after create.directory", "before log.write"]);
});

test("parts of a campaign add up, cell by cell", () => {
  const one = new CoverageCounter();
  for (const bits of [1, 4, 1]) one.count(new TraceMap(TRACE, OPS).at(6, diskAt(6)), "kill", bits);
  const other = new CoverageCounter();
  for (let i = 0; i < 4; i++) other.count(new TraceMap(TRACE, OPS).at(3, diskAt(3)), "kill", 2);
  const { cells } = mergeCoverage([one.coverage(), other.coverage(), one.coverage()]);
  const images = (wanted: Partial<CoverageCell>): number =>
    cells
      .filter((cell) => Object.entries(wanted).every(([name, value]) => cell[name as keyof CoverageCell] === value))
      .reduce((sum, cell) => sum + cell.images, 0);
  expect(images({ barrier: "log.write", place: "before", phase: "write" })).toBe(6);
  expect(images({ barrier: "log.write", place: "before", phase: "create" })).toBe(4);
  expect(images({ barrier: "create.directory", place: "after", loss: "kill" })).toBe(10);
  expect(cells.map(({ phase, shown }) => `${phase} ${shown}`).sort()).toEqual([
    "create 2",
    "create 2",
    "write 5",
    "write 5",
  ]);
});
