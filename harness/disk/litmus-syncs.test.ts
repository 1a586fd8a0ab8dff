// The sentences M14 to M21 of docs/phases/6-verification.md: what is durable, and from when on. Each test lists every image
// there is.

import { expect, test } from "vitest";
import { expectCut } from "./brute-force.test-support.ts";
import { Scene } from "./scene.ts";

const PAGE = 4096;

test("M14: fsync of a file makes its pages and its size durable, not its name", () => {
  const scene = new Scene();
  const file = scene.create("a");
  file.write("1".padEnd(PAGE) + "2");
  file.sync();
  expectCut(scene, ["nothing", "a=1 {4095}2"]);
});

test("M14: nor the bytes of other files", () => {
  const scene = new Scene({ a: "0", b: "0" });
  scene.open("a").write("1");
  const file = scene.open("b");
  file.write("2");
  file.sync();
  expectCut(scene, ["a=0 b=2", "a=1 b=2"]);
});

test("M14: through any descriptor of the file, whoever wrote", () => {
  const scene = new Scene({ a: "0" });
  scene.open("a").write("1");
  scene.env.open("/a", "r").sync("log.write");
  expectCut(scene, ["a=1"]);
});

test("M14: through a descriptor that was opened under another name", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  scene.link("a", "b");
  scene.syncDirectory();
  scene.open("b").write("1");
  file.sync();
  expectCut(scene, ["a=1 b=1"]);
});

test("M15: fsync of a directory makes its list durable, not the bytes of its files", () => {
  const scene = new Scene();
  scene.create("a").write("1");
  scene.syncDirectory();
  expectCut(scene, ["a=", "a=.", "a=1"]);
});

test("M15: nor the lists of the directories in it", () => {
  const scene = new Scene();
  scene.makeDirectory("sub");
  scene.create("sub/a");
  scene.syncDirectory();
  expectCut(scene, ["sub/", "sub/ sub/a="]);
});

test("M15: nor that of the directory around it", () => {
  const scene = new Scene({ "sub/": "" });
  scene.create("a");
  scene.create("sub/b");
  scene.syncDirectory("sub");
  expectCut(scene, ["sub/ sub/b=", "a= sub/ sub/b="]);
});

test("M16: fdatasync is fsync: the size is durable with the pages, a smaller one too", () => {
  const scene = new Scene({ a: "abc", b: "abc" });
  const [a, b] = [scene.open("a"), scene.open("b")];
  a.truncate(1);
  a.sync();
  b.truncate(9);
  b.sync();
  expectCut(scene, ["a=a b=abc......"]);
});

test("M17: close() makes nothing durable", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  file.close();
  expectCut(scene, ["a=0", "a=1"]);
});

test("M17: nor does any call but a sync", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  scene.create("b").close();
  const lock = scene.env.lock("/LOCK");
  const images = scene.powerCut();
  scene.open("a").close();
  file.read();
  scene.env.stat("/a");
  scene.env.readDirectory("/");
  scene.env.mark({ mark: "end", op: 1, acknowledged: true });
  lock.release();
  expectCut(scene, images);
  expect(images).toHaveLength(8);
});

test("M18: syncAsync makes durable what was pending at its start, and not before its end", async () => {
  const scene = new Scene({ a: "0".padEnd(PAGE + 1, "0") });
  const file = scene.open("a");
  file.write("1", 0);
  const synced = file.syncAsync();
  expectCut(scene, ["a=0{4097}", "a=10{4096}"]);
  file.write("2", PAGE);
  await synced;
  expectCut(scene, ["a=10{4096}", "a=10{4095}2"]);
});

test("M18: a page that was written again meanwhile is durable as it was at the start", async () => {
  const scene = new Scene({ a: "00" });
  const file = scene.open("a");
  file.write("1", 0);
  const synced = file.syncAsync();
  file.write("2", 1);
  file.write("3", 2);
  await synced;
  expectCut(scene, ["a=10", "a=12", "a=10.", "a=12.", "a=123"]);
});

test("M18: a file that was closed meanwhile is synced all the same", async () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  const synced = file.syncAsync();
  file.close();
  await synced;
  expectCut(scene, ["a=1"]);
});

test("M18: a process that is killed meanwhile never gets to the end", async () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  const synced = file.syncAsync();
  scene.disk.kill();
  await synced;
  expectCut(scene, ["a=0", "a=1"]);
});

for (const outcome of ["none", "part", "whole"] as const) {
  test(`M19: when an fsync has failed (${outcome} of it done), what was pending stays readable and may be on the disk`, () => {
    const scene = new Scene({ a: "0".repeat(PAGE + 1) });
    const file = scene.open("a");
    file.write("1", 0);
    file.write("2", PAGE);
    scene.failing(() => file.sync(), outcome);
    expect(scene.kill()).toBe("a=10{4095}2");
    expectCut(scene, ["a=0{4097}", "a=10{4096}", "a=0{4096}2", "a=10{4095}2"]);
  });
}

test("M20: no later fsync makes it durable, however often it succeeds", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("12");
  scene.failing(() => file.sync());
  file.sync();
  scene.open("a").sync();
  expectCut(scene, ["a=0", "a=1", "a=0.", "a=12"]);
});

test("M20: what is written later is made durable by a later fsync", () => {
  const scene = new Scene({ a: "0".repeat(PAGE + 1) });
  const file = scene.open("a");
  file.write("1", 0);
  scene.failing(() => file.sync());
  file.write("2", PAGE);
  file.sync();
  expectCut(scene, ["a=0{4096}2", "a=10{4095}2"]);
});

test("M20: only being written again makes it durable: the whole page, at the next fsync", () => {
  const scene = new Scene({ a: "000" });
  const file = scene.open("a");
  file.write("1", 0);
  scene.failing(() => file.sync());
  file.write("2", 2);
  expectCut(scene, ["a=000", "a=100", "a=102"]);
  file.sync();
  expectCut(scene, ["a=102"]);
});

test("M20: a size is written again by another change of it, not by a write within it", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("12");
  scene.failing(() => file.sync());
  file.write("34");
  file.sync();
  expectCut(scene, ["a=3", "a=34"]);
  file.write("5", 2);
  file.sync();
  expectCut(scene, ["a=345"]);
});

test("M20: a failed syncAsync gives up what was pending at its start, and no more", async () => {
  const scene = new Scene({ a: "0".repeat(PAGE + 1) });
  const file = scene.open("a");
  file.write("1", 0);
  let failed: Promise<void> | undefined;
  scene.failing(() => {
    failed = file.syncAsync();
    throw new Error("it will");
  });
  file.write("2", PAGE);
  await expect(failed).rejects.toThrow("EIO");
  file.sync();
  expectCut(scene, ["a=0{4096}2", "a=10{4095}2"]);
});

test("M20: the same holds for the list of a directory", () => {
  const scene = new Scene({ a: "1" });
  scene.unlink("a");
  scene.create("b");
  scene.failing(() => scene.syncDirectory());
  scene.create("c");
  scene.syncDirectory();
  expect(scene.kill()).toBe("b= c=");
  expectCut(scene, ["a=1 c=", "c=", "a=1 b= c=", "b= c="]);
});

test("M20: a name that is changed again is durable at the next fsync", () => {
  const scene = new Scene({ a: "1" });
  scene.unlink("a");
  scene.failing(() => scene.syncDirectory());
  scene.create("a");
  scene.syncDirectory();
  expectCut(scene, ["a="]);
});

test("M20: of a rename that failed to be written the other name stays undecided", () => {
  const scene = new Scene({ a: "1", b: "2" });
  scene.rename("a", "b");
  scene.failing(() => scene.syncDirectory());
  scene.unlink("b");
  scene.syncDirectory();
  expectCut(scene, ["a=1", "nothing"]);
});

test("M21: after a kill what an fsync failed to write may read back its old bytes", () => {
  const scene = new Scene({ a: "0".repeat(PAGE + 1), b: "0" });
  const [a, b] = [scene.open("a"), scene.open("b")];
  a.write("1", 0);
  b.write("1");
  scene.failing(() => a.sync());
  a.write("2", PAGE);
  expect(scene.kill()).toBe("a=10{4095}2 b=1");
  expect(scene.kill(true)).toBe("a=0{4096}2 b=1");
  const { key } = scene.disk.imageKill(true);
  scene.disk.kill(true);
  expect(scene.disk.imageKill().key).toBe(key);
});

test("M21: then it may still turn up after a power cut, until it is written again", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("12");
  scene.failing(() => file.sync());
  scene.disk.kill(true);
  expect(scene.kill()).toBe("a=0");
  expectCut(scene, ["a=0", "a=1", "a=0.", "a=12"]);
});
