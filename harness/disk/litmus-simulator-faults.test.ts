// The classic mistakes of simulators of power loss, by name: each makes a simulation that passes and shows nothing. One
// more, a call that the wrapper forgot, is in recording-env.test.ts ("is intercepted before and after").

import { expect, test } from "vitest";
import { cutPlaces } from "../crash/image-graph.ts";
import { Scene } from "./scene.ts";

const PAGE = 4096;

test("simulator fault: a close() that syncs", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  file.close();
  expect(scene.powerCut()).toContain("a=0");
});

test("simulator fault: a rename that is durable at once", () => {
  const scene = new Scene({ a: "1" });
  scene.rename("a", "b");
  expect(scene.powerCut()).toContain("a=1");
});

test("simulator fault: an unlink that always survives", () => {
  const scene = new Scene({ a: "1" });
  scene.unlink("a");
  expect(scene.powerCut()).toContain("a=1");
});

test("simulator fault: an unlink that never survives", () => {
  const scene = new Scene({ a: "1" });
  scene.unlink("a");
  expect(scene.powerCut()).toContain("nothing");
});

test("simulator fault: an unlink that never survives, not even the directory's fsync", () => {
  const scene = new Scene({ a: "1" });
  scene.unlink("a");
  scene.syncDirectory();
  expect(scene.powerCut()).toEqual(["nothing"]);
});

test("simulator fault: a kill that makes bytes durable", () => {
  const scene = new Scene({ a: "0" });
  scene.open("a").write("1");
  scene.create("b");
  scene.disk.kill();
  expect(scene.powerCut()).toContain("a=0");
});

test("simulator fault: a failed fsync that a later one repairs", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  scene.failing(() => file.sync());
  file.sync();
  expect(scene.powerCut()).toContain("a=0");
});

test("simulator fault: crashes only after an fsync, never before", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  file.sync();
  file.write("2");
  scene.syncDirectory();
  file.close();
  // Just before each sync, and behind the last call.
  const before = scene.trace.map((event, i) => ("barrier" in event ? i - 1 : -1)).filter((i) => i >= 0);
  expect(cutPlaces(scene.trace)).toEqual([...before, scene.trace.length - 1]);
  expect(before).toHaveLength(2);
});

test("simulator fault: an fsync of a file that makes its name durable", () => {
  const scene = new Scene();
  const file = scene.create("a");
  file.write("1");
  file.sync();
  expect(scene.powerCut()).toContain("nothing");
});

test("simulator fault: data that becomes durable in the order of the writes only", () => {
  const scene = new Scene({ a: "-".repeat(PAGE + 1) });
  const file = scene.open("a");
  file.write("1", 0);
  file.write("2", PAGE);
  expect(scene.powerCut()).toContain("a=-{4096}2");
});

test("simulator fault: names that become durable in the order of the calls only", () => {
  const scene = new Scene();
  scene.create("a");
  scene.create("b");
  expect(scene.powerCut()).toContain("b=");
});

test("simulator fault: an fsync of one file that makes another's bytes durable", () => {
  const scene = new Scene({ a: "0", b: "0" });
  scene.open("a").write("1");
  scene.open("b").sync();
  expect(scene.powerCut()).toContain("a=0 b=0");
});

test("simulator fault: a buffer that the program uses again, recorded by reference", () => {
  const scene = new Scene({ a: "00" });
  const { handle } = scene.open("a");
  const buffer = Buffer.from("1");
  handle.write(buffer, 0);
  buffer.fill("2");
  handle.write(buffer, 1);
  expect(scene.powerCut()).toEqual(["a=00", "a=10", "a=12"]);
});
