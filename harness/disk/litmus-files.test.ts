// The sentences M1 to M8 of docs/phases/6-verification.md: what a power cut may leave of the bytes of a file. Each test
// lists every image there is.

import { expect, test } from "vitest";
import { expectCut } from "./brute-force.test-support.ts";
import { cutImages, Scene } from "./scene.ts";

const PAGE = 4096;
const SECTOR = 512;

test("M1: bytes belong to the file: they are the same under each of its names", () => {
  const scene = new Scene({ a: "old" });
  scene.link("a", "b");
  scene.syncDirectory();
  scene.open("b").write("new");
  expectCut(scene, ["a=old b=old", "a=new b=new"]);
});

test("M1: a file without a name in an image is not in it", () => {
  const scene = new Scene({ a: "old" });
  const file = scene.open("a");
  scene.unlink("a");
  scene.syncDirectory();
  file.write("new");
  file.sync();
  expectCut(scene, ["nothing"]);
});

test("M2: a page shows the durable content or that behind any later write", () => {
  const scene = new Scene({ a: "0000" });
  const file = scene.open("a");
  file.write("1", 0);
  file.write("2", 1);
  file.write("3", 2);
  expectCut(scene, ["a=0000", "a=1000", "a=1200", "a=1230"]);
});

test("M2: contents before the last fsync are gone", () => {
  const scene = new Scene({ a: "0" });
  const file = scene.open("a");
  file.write("1");
  file.write("2");
  file.sync();
  expectCut(scene, ["a=2"]);
  file.write("3");
  expectCut(scene, ["a=2", "a=3"]);
});

test("M3: pages of one write are independent of each other", () => {
  const scene = new Scene({ a: "-".repeat(2 * PAGE) });
  scene.open("a").write("xy", PAGE - 1);
  expectCut(scene, ["a=-{8192}", "a=-{4095}x-{4096}", "a=-{4096}y-{4095}", "a=-{4095}xy-{4095}"]);
});

test("M3: what was written first need not be on the disk first, in a file", () => {
  const scene = new Scene({ a: "-".repeat(2 * PAGE) });
  const file = scene.open("a");
  file.write("1", 0);
  file.write("2", PAGE);
  expectCut(scene, ["a=-{8192}", "a=1-{8191}", "a=-{4096}2-{4095}", "a=1-{4095}2-{4095}"]);
});

test("M3: what was written first need not be on the disk first, in two files", () => {
  const scene = new Scene({ a: "0", b: "0" });
  scene.open("a").write("1");
  scene.open("b").write("2");
  expectCut(scene, ["a=0 b=0", "a=1 b=0", "a=0 b=2", "a=1 b=2"]);
});

test("M4: of a torn page each sector is old or new", () => {
  const scene = new Scene({ a: "-".repeat(PAGE) });
  scene.open("a").write("xyyz", SECTOR - 1); // sectors 0 and 1
  expectCut(scene, ["a=-{4096}", "a=-{511}xyyz-{3581}", "a=-{511}x-{3584}", "a=-{512}yyz-{3581}"]);
});

test("M4: three sectors that differ tear in every way, in the middle too", () => {
  const scene = new Scene({ a: "-".repeat(PAGE) });
  const file = scene.open("a");
  file.write("x".repeat(3 * SECTOR), 0);
  const sectors = ["---", "x--", "-x-", "--x", "xx-", "-xx", "x-x", "xxx"];
  const told = (text: string): string => {
    const bytes = [...text].map((letter) => letter.repeat(SECTOR)).join("") + "-".repeat(PAGE - 3 * SECTOR);
    return `a=${bytes.replace(/x{16,}|-{16,}/g, (run) => `${run[0]}{${run.length}}`)}`;
  };
  expectCut(scene, sectors.map(told));
});

test("M4: a page is torn between the durable content and one later one", () => {
  const scene = new Scene({ a: "--".padStart(SECTOR + 1, "-") });
  const file = scene.open("a");
  file.write("11", SECTOR - 1);
  file.write("22", SECTOR - 1);
  expectCut(scene, ["a=-{513}", "a=-{511}11", "a=-{511}1-", "a=-{512}1", "a=-{511}22", "a=-{511}2-", "a=-{512}2"]);
});

test("M4: at most two pages of an image are torn", () => {
  const scene = new Scene({ a: "-".repeat(3 * PAGE) });
  const file = scene.open("a");
  for (let page = 0; page < 3; page++) file.write("xy", page * PAGE + SECTOR - 1);
  const pages = ["--", "xy", "x-", "-y"];
  const told: string[] = [];
  for (const first of pages) {
    for (const second of pages) {
      for (const third of pages) {
        const torn = [first, second, third].filter((page) => page === "x-" || page === "-y").length;
        const whole = [first, second, third].map((two) => two.padStart(SECTOR + 1, "-").padEnd(PAGE, "-")).join("");
        if (torn <= 2) told.push(`a=${whole.replace(/-{16,}/g, (run) => `-{${run.length}}`)}`);
      }
    }
  }
  expect(told).toHaveLength(56);
  expectCut(scene, told);
});

test("M4: the pages of two files count together", () => {
  const scene = new Scene({ a: "-".repeat(2 * PAGE), b: "-".repeat(PAGE) });
  const [a, b] = [scene.open("a"), scene.open("b")];
  a.write("xy", SECTOR - 1);
  a.write("xy", PAGE + SECTOR - 1);
  b.write("xy", SECTOR - 1);
  expect(scene.powerCut()).toHaveLength(56);
  expect(scene.powerCut()).not.toContain("a=-{511}x-{4095}x-{3584} b=-{511}x-{3584}");
});

test("M5: bytes that no pending write touched never change", () => {
  const scene = new Scene({ a: "abc".padEnd(PAGE, "-") + "def", b: "other" });
  const file = scene.open("a");
  file.write("B", 1);
  expectCut(scene, ["a=abc-{4093}def b=other", "a=aBc-{4093}def b=other"]);
});

test("M5: a hole that was synced stays zeros, whatever log dies", () => {
  const scene = new Scene({ "x.log": "stale".padEnd(3 * PAGE, "!") });
  const a = scene.create("a");
  a.write("end", 2 * PAGE);
  a.sync();
  const b = scene.create("b");
  b.truncate(PAGE + 1);
  b.sync();
  scene.unlink("x.log");
  scene.syncDirectory();
  expectCut(scene, ["a=.{8192}end b=.{4097}"]);
});

test("M6: the size is an item of its own, ahead of the data or behind", () => {
  const scene = new Scene({ a: "old" });
  scene.open("a").write("newer");
  expectCut(scene, ["a=old", "a=new", "a=old..", "a=newer"]);
});

test("M6: each size since the last fsync may be the one on the disk", () => {
  const scene = new Scene({ a: "" });
  const file = scene.open("a");
  file.write("1", 0);
  file.write("2", 1);
  expectCut(scene, ["a=", "a=.", "a=1", "a=..", "a=1.", "a=12"]);
});

test("M6: a write within the size makes no size pending", () => {
  const scene = new Scene({ a: "old" });
  scene.open("a").write("new");
  expect(scene.disk.pending().map(({ kind }) => kind)).toEqual(["page"]);
});

test("M6: a page behind the end need not be there although a later one is", () => {
  const scene = new Scene({ a: "a" });
  const file = scene.open("a");
  file.write("b", PAGE);
  file.write("c", 2 * PAGE);
  const hole = ".{4095}";
  expectCut(scene, [
    "a=a",
    "a=a.{4096}",
    `a=a${hole}b`,
    "a=a.{8192}",
    `a=a${hole}b.{4096}`,
    `a=a.{8191}c`,
    `a=a${hole}b${hole}c`,
  ]);
});

test("M7: a page inside the size that was never written shows zeros, or what the log that died last has there", () => {
  const scene = new Scene({ "1.log": "first", "2.log": "secnd" });
  scene.unlink("1.log");
  scene.unlink("2.log");
  scene.syncDirectory();
  const file = scene.create("a");
  scene.syncDirectory();
  file.write("new");
  expectCut(scene, ["a=", "a=...", "a=sec", "a=new"]);
});

test("M7: at the same offsets, and no further than the dead log goes", () => {
  const scene = new Scene({ "x.log": "-".repeat(PAGE) + "stale" });
  const file = scene.create("a");
  scene.unlink("x.log");
  scene.syncDirectory();
  file.write("n", PAGE + 9);
  const images = ["a=", "a=.{4106}", "a=.{4105}n", "a=-{4096}stale.....", "a=-{4096}.........n"];
  expectCut(scene, images);
});

test("M7: a hole made by truncate is such a page too", () => {
  const scene = new Scene({ "x.log": "stale" });
  const file = scene.create("a");
  scene.unlink("x.log");
  scene.syncDirectory();
  file.truncate(3);
  expectCut(scene, ["a=", "a=...", "a=sta"]);
});

test("M7: a torn page shows them too, where the new sectors are not", () => {
  const scene = new Scene({ "x.log": "s".repeat(2 * SECTOR) });
  const file = scene.create("a");
  scene.unlink("x.log");
  scene.syncDirectory();
  file.write("n".repeat(2 * SECTOR));
  const whole = ["a=", "a=.{1024}", "a=s{1024}", "a=n{1024}"];
  expectCut(scene, [...whole, "a=n{512}.{512}", "a=.{512}n{512}", "a=n{512}s{512}", "a=s{512}n{512}"]);
});

test("M7: an image has zeros everywhere or stale bytes everywhere", () => {
  const scene = new Scene({ "x.log": "s" });
  const [a, b] = [scene.create("a"), scene.create("b")];
  scene.unlink("x.log");
  scene.syncDirectory();
  a.write("n");
  b.write("n");
  expectCut(
    scene,
    ["a= b=", "a= b=.", "a= b=s", "a= b=n", "a=. b=", "a=s b=", "a=n b="].concat([
      "a=. b=.",
      "a=s b=s",
      "a=. b=n",
      "a=s b=n",
      "a=n b=.",
      "a=n b=s",
      "a=n b=n",
    ]),
  );
});

test("M7: a log is dead as well when another file takes its name, and no other file leaves stale bytes", () => {
  const scene = new Scene({ "x.log": "stale", b: "b", table: "table" });
  scene.rename("b", "x.log");
  scene.unlink("table");
  scene.syncDirectory();
  const file = scene.create("a");
  scene.syncDirectory();
  file.write("n");
  expectCut(scene, ["a= x.log=b", "a=. x.log=b", "a=s x.log=b", "a=n x.log=b"]);
});

test("M7: what was written before stays, and the rest of a page that was written is zeros", () => {
  const scene = new Scene({ "x.log": "stale", a: "old" });
  scene.unlink("x.log");
  scene.syncDirectory();
  scene.open("a").write("newer");
  expectCut(scene, ["a=old", "a=new", "a=old..", "a=newer"]);
});

test("M7: a dead log has no stale bytes for itself", () => {
  const scene = new Scene();
  const log = scene.create("x.log");
  scene.syncDirectory();
  log.write("log");
  scene.unlink("x.log");
  expectCut(scene, ["nothing", "x.log=", "x.log=...", "x.log=log"]);
});

test("M7: what is written to a log after it died shows too", () => {
  const scene = new Scene({ "x.log": "old" });
  const [log, file] = [scene.open("x.log"), scene.create("a")];
  scene.unlink("x.log");
  scene.syncDirectory();
  file.truncate(3);
  expectCut(scene, ["a=", "a=...", "a=old"]);
  log.write("new");
  expectCut(scene, ["a=", "a=...", "a=new"]);
});

test("M8: a truncate is a content of every page that it cuts, and a size", () => {
  const scene = new Scene({ a: "abc" });
  scene.open("a").truncate(1);
  expectCut(scene, ["a=abc", "a=a..", "a=a"]);
});

test("M8: the pages beyond are independent of each other", () => {
  const scene = new Scene({ a: "a".padEnd(PAGE, "a") + "b" });
  scene.open("a").truncate(0);
  const pages = [`a=a{4096}b`, "a=.{4096}b", "a=a{4096}.", "a=.{4097}", "a="];
  expect(scene.powerCut().filter((image) => !/a\{(?!4096)|\.\{(?!409[67])/.test(image))).toEqual(pages.sort());
  expect(new Set(cutImages(scene.disk).map((image) => image.key)).size).toBeGreaterThan(pages.length); // torn ones
});

test("M8: what is cut off and extended again is zeros, or what it was before", () => {
  const scene = new Scene({ a: "abc" });
  const file = scene.open("a");
  file.truncate(1);
  file.truncate(3);
  expectCut(scene, ["a=abc", "a=a..", "a=a"]);
  file.sync();
  expectCut(scene, ["a=a.."]);
});

test("M8: a truncate to a greater size changes no page", () => {
  const scene = new Scene({ a: "abc" });
  scene.open("a").truncate(5);
  expectCut(scene, ["a=abc", "a=abc.."]);
});
