import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomProgram, type Kind } from "../disk/random-program.test-support.ts";
import type { Trace, TraceEvent } from "../disk/trace.ts";
import { Random } from "../workloads/random.ts";
import { type Lane, lanesOf, type LifeLanes, type Span } from "./lanes.ts";

const KINDS: readonly Kind[] = [
  "create",
  "open",
  "close",
  "write",
  "sync",
  "syncAsync",
  "unlink",
  "rename",
  "makeDirectory",
  "syncDirectory",
];

const STEPS = 60;

function lanesOfOne(trace: Trace): LifeLanes {
  return lanesOf({ lives: [{ from: 0, to: trace.length }] }, trace)[0]!;
}

// Where something was pending from that event on. A rename from one directory to another is pending while it is in either.
function lanesTouched(lanes: readonly Lane[], event: number, isName: boolean): Lane[] {
  return lanes.filter(
    ({ isDirectory, marks, pending }) =>
      isDirectory === isName &&
      marks.some(({ at }) => at === event) &&
      pending.some(({ from, to = event }) => from <= event && event <= to),
  );
}

function isOpen(pending: readonly Span[]): boolean {
  return pending.at(-1)?.to === undefined;
}

test("what the simulated disk holds pending, no lane calls durable, and its lane is open", () => {
  const property = fc.asyncProperty(fc.nat(), async (seed) => {
    const program = new RandomProgram(new Random(`${seed}`), { durable: {}, kinds: KINDS, faultEvery: 12 });
    for (let i = 0; i < STEPS; i++) program.step();
    await program.settle();
    const { trace, disk } = program.scene;
    const { lanes, durableBy } = lanesOfOne(trace);
    for (const item of disk.pending()) {
      const events = item.times.slice(1).map((time) => time - 1);
      for (const event of events) expect([event, durableBy.get(event)]).toEqual([event, undefined]);
      const touched = lanesTouched(lanes, events[0]!, item.kind === "name");
      expect(touched).not.toEqual([]);
      expect(touched.filter(({ named, pending }) => named.at(-1)!.to !== undefined || isOpen(pending))).not.toEqual([]);
    }
  });
  return fc.assert(property, { numRuns: 300 });
});

const at = (call: object): TraceEvent => call as TraceEvent;
const WRITTEN: readonly TraceEvent[] = [
  at({ call: "open", path: "/d/a", mode: "wx", file: 1 }),
  at({ call: "write", file: 1, position: 0, bytes: new Uint8Array(3) }),
];

test("a sync makes durable what was written before it, a directory's the names", () => {
  const syncs = [
    at({ call: "sync", file: 1, barrier: "log.write" }),
    at({ call: "syncDirectory", path: "/d", barrier: "log.directory" }),
  ];
  const { durableBy, lanes } = lanesOfOne([...WRITTEN, ...syncs]);
  expect([...durableBy]).toEqual([
    [1, 2],
    [0, 3],
  ]);
  expect(lanes.map(({ path, pending }) => [path, pending])).toEqual([
    ["/d/a", [{ from: 1, to: 2 }]],
    ["/d", [{ from: 0, to: 3 }]],
  ]);
});

test("a rename from one directory to another is durable when both are synced", () => {
  const moved = at({ call: "rename", from: "/d/a", to: "/e/a" });
  const [d, e] = ["/d", "/e"].map((path) => at({ call: "syncDirectory", path, barrier: "log.directory" }));
  expect(lanesOfOne([...WRITTEN, moved, e!]).durableBy.get(2)).toBeUndefined();
  expect(lanesOfOne([...WRITTEN, moved, e!, d!]).durableBy.get(2)).toBe(4);
});

test("what a sync failed to write stays pending, whatever sync comes behind it", () => {
  const sync = { call: "sync", file: 1, barrier: "log.write" };
  const { durableBy, lanes } = lanesOfOne([...WRITTEN, at({ ...sync, error: "EIO" }), at(sync)]);
  expect(durableBy.get(1)).toBeUndefined();
  expect(lanes[0]!.marks.map(({ kind }) => kind)).toEqual(["create", "write", "failed", "sync"]);
});

test("a sync off the event loop makes durable what was there when it began", () => {
  const begin = at({ call: "syncBegin", file: 1, barrier: "log.group", sync: 1 });
  const more = at({ call: "write", file: 1, position: 3, bytes: new Uint8Array(1) });
  const { durableBy, lanes } = lanesOfOne([...WRITTEN, begin, more, at({ call: "syncEnd", sync: 1 })]);
  expect([durableBy.get(1), durableBy.get(3)]).toEqual([4, undefined]);
  expect(lanes[0]!.pending).toEqual([{ from: 1 }]);
});

test("a renamed file keeps its lane, the one it replaces ends, and a directory takes its files with it", () => {
  const { lanes } = lanesOfOne([
    at({ call: "makeDirectory", path: "/d/new" }),
    at({ call: "open", path: "/d/new/a.tmp", mode: "wx", file: 1 }),
    at({ call: "open", path: "/d/new/a", mode: "wx", file: 2 }),
    at({ call: "rename", from: "/d/new/a.tmp", to: "/d/new/a" }),
    at({ call: "rename", from: "/d/new", to: "/d/old" }),
  ]);
  const files = lanes.filter(({ isDirectory }) => !isDirectory);
  expect(files.map(({ path, formerly, named }) => [path, formerly, named.at(-1)!.to])).toEqual([
    ["/d/old/a", "/d/new/a.tmp", undefined],
    ["/d/new/a", undefined, 3],
  ]);
});
