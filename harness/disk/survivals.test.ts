import { expect, test } from "vitest";
import { Random } from "../workloads/random.ts";
import { everyImage } from "./brute-force.test-support.ts";
import { Scene, tell } from "./scene.ts";
import { anySurvival, prefixInTime, TORN_MAX, versionAt } from "./survivals.ts";

const PAGE = 4096;
const SECTOR = 512;

function smallScene(): Scene {
  const scene = new Scene({ a: "-".repeat(PAGE + 1) });
  const file = scene.open("a");
  file.write("xy", SECTOR - 1);
  file.write("z", PAGE);
  scene.create("b").write("1");
  return scene;
}

test("any survival is one that the model allows, and with time all come", () => {
  const { disk } = smallScene();
  const allowed = everyImage(disk);
  const items = disk.pending();
  const random = new Random("any");
  const drawn = new Set<string>();
  for (let i = 0; i < 2000; i++) drawn.add(disk.image(items, anySurvival(items, random)).key);
  expect(drawn).toEqual(allowed);
});

test("no survival tears more than two pages, and some tear two", () => {
  const scene = new Scene({ a: "-".repeat(4 * PAGE) });
  const file = scene.open("a");
  for (let page = 0; page < 4; page++) file.write("xy", page * PAGE + SECTOR - 1);
  const items = scene.disk.pending();
  const random = new Random("torn");
  const counts = Array.from({ length: 300 }, () => {
    return anySurvival(items, random).filter(({ torn }) => torn !== undefined).length;
  });
  expect(Math.max(...counts)).toBe(TORN_MAX);
  expect(Math.min(...counts)).toBe(0);
});

test("the same seed draws the same", () => {
  const items = smallScene().disk.pending();
  const draw = (seed: string) => anySurvival(items, new Random(seed));
  expect(draw("1")).toEqual(draw("1"));
  expect(new Set(Array.from({ length: 9 }, (_, i) => JSON.stringify(draw(`${i}`)))).size).toBeGreaterThan(3);
});

test("a prefix in time is the disk as it was then", () => {
  const scene = new Scene({ a: "00" });
  const seen = new Map([[0, "a=00"]]);
  const file = scene.open("a");
  const steps = [
    () => file.write("1", 0),
    () => scene.create("b"),
    () => file.write("22", 1),
    () => scene.rename("a", "c"),
    () => file.truncate(1),
    () => scene.unlink("b"),
  ];
  for (const step of steps) {
    step();
    seen.set(scene.time, scene.kill());
  }
  const items = scene.disk.pending();
  expect(seen.size).toBe(steps.length + 1);
  for (const [time, image] of seen) expect(tell(scene.disk.image(items, prefixInTime(items, time)))).toBe(image);
});

test("the version at a moment is the newest that was there", () => {
  const times = [0, 3, 3, 7];
  expect([0, 2, 3, 6, 7, 100].map((time) => versionAt(times, time))).toEqual([0, 0, 2, 2, 3, 3]);
});
