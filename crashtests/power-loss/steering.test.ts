import {
  type Choices,
  EMPTY_DIRECTORIES,
  makeImage,
  ContentStore,
  SimulatedDisk,
  type Trace,
  TraceMap,
} from "tinykv/harness";
import { expect, test } from "vitest";
import { Steering } from "./steering.ts";

const write = (position: number): Trace[number] => ({ call: "write", file: 1, position, bytes: new Uint8Array(1) });

// Behind the first call and the last sync there is one place each, and many before the sync of the log.
const TRACE: Trace = [
  { call: "open", path: "/a", mode: "wx", file: 1 },
  { call: "syncDirectory", path: "/", barrier: "create.directory" },
  ...Array.from({ length: 8 }, (_, n) => write(n * 4096)),
  { call: "sync", file: 1, barrier: "log.write" },
];
const PLACES = TRACE.map((_, i) => i);
const MAP = new TraceMap(TRACE);

function diskAt(i: number): SimulatedDisk {
  const disk = new SimulatedDisk(makeImage([], EMPTY_DIRECTORIES), new ContentStore());
  TRACE.slice(0, i + 1).forEach((event, n) => disk.apply(event, n + 1));
  return disk;
}

function meet(steering: Steering, i: number, ...losses: readonly ("power" | "kill")[]): void {
  for (const loss of losses) steering.met.count(MAP.among(i), loss, 0);
}

test("cells that were not met have half of the draws among them, be they of one place or of many", () => {
  const steering = new Steering(MAP);
  const weights = steering.weights(PLACES);
  expect(weights[0]! / weights[5]!).toBeGreaterThan(2);
  expect(weights[10]).toBe(weights[0]);
  for (let i = 2; i < 10; i++) expect(weights[i]).toBe(weights[1]);
  meet(steering, 0, "power", "kill");
  meet(steering, 5, "power", "kill");
  const later = steering.weights(PLACES);
  expect(later[0]).toBe(later[5]);
  expect(later[10]! / later[0]!).toBeGreaterThan(PLACES.length);
  for (const i of PLACES) meet(steering, i, "power", "kill");
  expect(new Set(steering.weights(PLACES)).size).toBe(1);
});

test("what takes the store down is as drawn, unless only the other one leads somewhere new", () => {
  const steering = new Steering(MAP);
  expect([steering.loss(5, "power"), steering.loss(5, "kill")]).toEqual(["power", "kill"]);
  meet(steering, 5, "power");
  expect([steering.loss(5, "power"), steering.loss(5, "kill")]).toEqual(["kill", "kill"]);
  meet(steering, 5, "kill");
  expect([steering.loss(5, "power"), steering.loss(5, "kill")]).toEqual(["power", "kill"]);
});

test("what survives is drawn again until it is one of the middle of a sync, if none was met", () => {
  const steering = new Steering(MAP);
  const disk = diskAt(9);
  const whole: Choices = disk.pending().map(({ times }) => ({ version: times.length - 1 }));
  const part: Choices = whole.map((choice, n) => (n === 0 ? { version: 0 } : choice));
  const drawn = (draws: readonly Choices[]): [Choices, number] => {
    let n = 0;
    return [steering.survival(MAP.at(9, disk), () => draws[Math.min(n++, draws.length - 1)]!), n];
  };
  expect(drawn([part])).toEqual([part, 1]);
  expect(drawn([whole, whole, part])).toEqual([part, 3]);
  expect(drawn([whole])).toEqual([whole, 4]);
  steering.met.countPower(MAP.at(9, disk), "power", 0, () => part);
  expect(drawn([whole, part])).toEqual([whole, 1]);
});
