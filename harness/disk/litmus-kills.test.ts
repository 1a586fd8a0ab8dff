// The sentences M22 to M25 of docs/phases/6-verification.md: a process that dies, and a machine that starts again.

import { expect, test } from "vitest";
import type { CrashJudge } from "../crash/crash-judge.ts";
import { Enumeration } from "../crash/enumeration.ts";
import type { ImageGraph } from "../crash/image-graph.ts";
import type { RecordedRun } from "../crash/recorded-run.ts";
import { expectCut } from "./brute-force.test-support.ts";
import type { CrashImage } from "./crash-images.ts";
import type { Image } from "./image.ts";
import { Scene, tell } from "./scene.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const PAGE = 4096;

test("M22: a process kill discards nothing: the next process finds all that was done", () => {
  const scene = new Scene({ a: "0", b: "1" });
  scene.open("a").write("2");
  scene.unlink("b");
  scene.create("c");
  expect(scene.kill()).toBe("a=2 c=");
});

test("M22: a process kill makes nothing durable: a power cut behind it leaves what one before it did", () => {
  const scene = new Scene({ a: "0", b: "1" });
  scene.open("a").write("2");
  scene.unlink("b");
  scene.create("c");
  const images = scene.powerCut();
  scene.disk.kill();
  expect(images).toHaveLength(8);
  expectCut(scene, images);
});

test("M22: what is pending stays so through the next life, until that one syncs it", () => {
  const scene = new Scene({ a: "00" });
  const old = scene.open("a");
  old.write("1");
  old.close();
  scene.create("b").close();
  scene.disk.kill();
  const file = scene.open("a");
  file.write("2", 1);
  expectCut(scene, ["a=00", "a=10", "a=12", "a=00 b=", "a=10 b=", "a=12 b="]);
  file.sync();
  scene.syncDirectory();
  expectCut(scene, ["a=12 b="]);
});

test("M22: what an fsync failed to write is not durable by the next life's fsync either", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  scene.failing(() => file.sync());
  scene.disk.kill();
  scene.open("a").sync();
  expectCut(scene, ["a=0", "a=1"]);
});

test("M22: holes read as zeros, whatever log died", () => {
  const scene = new Scene({ "x.log": "stale" });
  const file = scene.create("a");
  scene.unlink("x.log");
  file.truncate(3);
  expect(scene.kill()).toBe("a=...");
});

/** What crashes of a trace are judged by, of which the trial notes those of one kind. */
function judgedImages(scene: Scene, start: Image, loss: "kill" | "power"): string[] {
  const told = new Map<object, string>();
  const seen: string[] = [];
  const graph = {
    contents: scene.contents,
    imagesOf: () => [],
    node(image: Image | CrashImage): object {
      const node = {};
      told.set(node, tell("files" in image ? image : image.image()));
      return node;
    },
  };
  const judge = {
    judge(node: object, _: unknown, how: string): undefined {
      if (how === loss) seen.push(told.get(node)!);
      return undefined;
    },
  };
  const demand = {};
  const demands = Array.from({ length: scene.trace.length + 1 }, () => demand);
  const run = { ops: [], config: "", start, trace: scene.trace, demands } as unknown as RecordedRun;
  new Enumeration(run, graph as unknown as ImageGraph, judge as unknown as CrashJudge, { recovery: 0 }).run();
  return seen;
}

test("M23: of a write in flight the pages up to any of them are there, or none, or all", () => {
  const scene = new Scene({ a: "-".repeat(PAGE), b: "" });
  const start = scene.disk.imageNone();
  scene.env.mark({ mark: "begin", op: 1 });
  scene.open("b").write("b");
  scene.open("a").write("x".repeat(2 * PAGE + 2), PAGE - 1);
  expect(judgedImages(scene, start, "kill")).toEqual([
    "a=-{4096} b=b", // behind the first write
    "a=-{4095}x b=b",
    "a=-{4095}x{4097} b=b",
    "a=-{4095}x{8193} b=b",
    "a=-{4095}x{8194} b=b",
  ]);
});

test("M24: a file that was unlinked goes on for those who have it open", () => {
  const scene = new Scene({ a: "old" });
  const file = scene.open("a");
  scene.unlink("a");
  file.write("new");
  expect(file.read()).toBe("new");
  expect(scene.kill()).toBe("nothing");
  expectCut(scene, ["nothing", "a=old", "a=new"]);
});

test("M24: a read through a descriptor whose file has no name is noted", () => {
  const scene = new Scene({ a: "1", b: "2", c: "3", d: "4" });
  const [a, b, c, d] = [scene.open("a"), scene.open("b"), scene.open("c"), scene.open("d")];
  scene.unlink("a");
  scene.rename("b", "c");
  expect(scene.disk.readAfterUnlink.size).toBe(0);
  for (const file of [a, b, c, d]) file.read();
  expect([...scene.disk.readAfterUnlink]).toEqual(["/a", "/c"]);
});

test("M24: not if it has another one", () => {
  const scene = new Scene({ a: "1", "sub/": "" });
  const file = scene.open("a");
  scene.link("a", "sub/b");
  scene.unlink("a");
  file.read();
  expect(scene.disk.readAfterUnlink.size).toBe(0);
  scene.unlink("sub/b");
  file.read();
  expect(scene.disk.readAfterUnlink.size).toBe(1);
});

test("M25: after a power cut all that is there is durable", () => {
  const scene = new Scene({ a: "0" });
  scene.open("a").write("12");
  scene.create("b");
  const images = scene.powerCut();
  expect(images).toHaveLength(8);
  const survival = { choices: scene.disk.pending().map(() => ({ version: 1 })) };
  const image = scene.disk.image(scene.disk.pending(), survival.choices);
  scene.disk = new SimulatedDisk(image, scene.contents);
  expectCut(scene, ["a=12 b="]);
});
