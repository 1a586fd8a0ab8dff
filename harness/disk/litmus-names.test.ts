// The sentences M9 to M13 of docs/phases/6-verification.md: what a power cut may leave of names. Each test lists every
// image there is.

import { expect, test } from "vitest";
import { expectCut } from "./brute-force.test-support.ts";
import { Scene } from "./scene.ts";

test("M9: a created name is there or not", () => {
  const scene = new Scene();
  scene.create("a");
  expectCut(scene, ["nothing", "a="]);
});

test("M9: a lock file is created as any other, once", () => {
  const scene = new Scene();
  scene.env.lock("/LOCK").release();
  expectCut(scene, ["nothing", "LOCK="]);
  scene.syncDirectory();
  scene.env.lock("/LOCK");
  expectCut(scene, ["LOCK="]);
});

test("M9: opening a file that exists changes no name", () => {
  const scene = new Scene({ a: "1" });
  scene.open("a");
  scene.env.open("/a", "r");
  expectCut(scene, ["a=1"]);
});

test("M9: a link is there or not, the old name stays", () => {
  const scene = new Scene({ a: "1" });
  scene.link("a", "b");
  expectCut(scene, ["a=1", "a=1 b=1"]);
});

test("M9: an unlinked name is gone or not", () => {
  const scene = new Scene({ a: "1" });
  scene.unlink("a");
  expectCut(scene, ["a=1", "nothing"]);
});

test("M9: a new directory is there or not", () => {
  const scene = new Scene();
  scene.makeDirectory("sub");
  expectCut(scene, ["nothing", "sub/"]);
});

test("M9: a removed directory is gone or not", () => {
  const scene = new Scene({ "sub/": "" });
  scene.removeDirectory("sub");
  expectCut(scene, ["sub/", "nothing"]);
});

test("M9: any subset of the changes since the directory's fsync", () => {
  const scene = new Scene({ a: "1", b: "2" });
  scene.unlink("a");
  scene.unlink("b");
  scene.create("c");
  const images: string[] = [];
  for (const a of ["a=1", ""]) {
    for (const b of ["b=2", ""]) {
      for (const c of ["c=", ""]) images.push([a, b, c].filter((name) => name !== "").join(" ") || "nothing");
    }
  }
  expectCut(scene, images);
});

test("M9: in order: of two changes of one name the later wins where both happened", () => {
  const scene = new Scene({ a: "old" });
  scene.unlink("a");
  const file = scene.create("a");
  file.write("new");
  file.sync();
  expectCut(scene, ["a=old", "nothing", "a=new"]);
});

test("M9: a file that was created and unlinked may be there", () => {
  const scene = new Scene();
  const file = scene.create("a");
  file.write("1");
  file.sync();
  scene.unlink("a");
  expectCut(scene, ["nothing", "a=1"]);
});

test("M9: what came before the directory's fsync is not among them", () => {
  const scene = new Scene();
  scene.create("a");
  scene.syncDirectory();
  scene.create("b");
  expectCut(scene, ["a=", "a= b="]);
});

test("M10: a rename gives the new name and takes the old one at once", () => {
  const scene = new Scene({ a: "1" });
  scene.rename("a", "b");
  expectCut(scene, ["a=1", "b=1"]);
});

test("M10: a rename over a file: one or the other, never none", () => {
  const scene = new Scene({ CURRENT: "old", "CURRENT.tmp": "new" });
  scene.rename("CURRENT.tmp", "CURRENT");
  expectCut(scene, ["CURRENT=old CURRENT.tmp=new", "CURRENT=new"]);
});

test("M10: a rename may happen although the creation before it did not", () => {
  const scene = new Scene({ b: "old" });
  const file = scene.create("a");
  file.write("new");
  file.sync();
  scene.rename("a", "b");
  expectCut(scene, ["b=old", "a=new b=old", "b=new"]);
});

test("M10: of two renames in a row the second alone leaves the file under its first name too", () => {
  const scene = new Scene({ a: "1" });
  scene.rename("a", "b");
  scene.rename("b", "c");
  expectCut(scene, ["a=1", "b=1", "a=1 c=1", "c=1"]);
});

test("M10: a rename of one name of a file over another of it changes nothing", () => {
  const scene = new Scene({ a: "1" });
  scene.link("a", "b");
  scene.syncDirectory();
  scene.rename("a", "b");
  expectCut(scene, ["a=1 b=1"]);
});

test("M11: a rename from directory to directory is one change of both", () => {
  const scene = new Scene({ "one/": "", "one/a": "1", "two/": "" });
  scene.rename("one/a", "two/b");
  expectCut(scene, ["one/ one/a=1 two/", "one/ two/ two/b=1"]);
});

for (const directory of ["one", "two"]) {
  test(`M11: the fsync of directory ${directory} makes all of it durable`, () => {
    const scene = new Scene({ "one/": "", "one/a": "1", "two/": "" });
    scene.rename("one/a", "two/b");
    scene.syncDirectory(directory);
    expectCut(scene, ["one/ two/ two/b=1"]);
  });
}

test("M11: and of the other directory's list nothing else", () => {
  const scene = new Scene({ "one/": "", "one/a": "1", "two/": "" });
  scene.create("two/c");
  scene.rename("one/a", "two/b");
  scene.syncDirectory("one");
  expectCut(scene, ["one/ two/ two/b=1", "one/ two/ two/b=1 two/c="]);
});

test("M11: what it overtakes in the other directory keeps the other name that it changed", () => {
  const scene = new Scene({ "one/": "", "one/a": "1", "two/": "", "two/c": "2" });
  scene.rename("two/c", "two/b");
  scene.rename("one/a", "two/b");
  expectCut(scene, [
    "one/ one/a=1 two/ two/c=2",
    "one/ one/a=1 two/ two/b=2",
    "one/ two/ two/b=1 two/c=2",
    "one/ two/ two/b=1",
  ]);
  scene.syncDirectory("one");
  expectCut(scene, ["one/ two/ two/b=1 two/c=2", "one/ two/ two/b=1"]);
  scene.syncDirectory("two");
  expectCut(scene, ["one/ two/ two/b=1"]);
});

test("M12: a directory's own name lives in its parent", () => {
  const scene = new Scene();
  scene.makeDirectory("sub");
  scene.create("sub/a");
  scene.syncDirectory("sub");
  expectCut(scene, ["nothing", "sub/ sub/a="]);
});

test("M12: durable in its parent it may be empty still", () => {
  const scene = new Scene();
  scene.makeDirectory("sub");
  scene.create("sub/a");
  scene.syncDirectory();
  expectCut(scene, ["sub/", "sub/ sub/a="]);
});

test("M12: a directory that is renamed takes along what is in it", () => {
  const scene = new Scene({ "one/": "", "one/a": "1" });
  scene.rename("one", "two");
  scene.open("two/a").write("2");
  expectCut(scene, ["one/ one/a=1", "one/ one/a=2", "two/ two/a=1", "two/ two/a=2"]);
});

test("M12: a directory made anew under a name is another one", () => {
  const scene = new Scene({ "sub/": "" });
  scene.removeDirectory("sub");
  scene.makeDirectory("sub");
  scene.create("sub/a");
  expectCut(scene, ["sub/", "nothing", "sub/ sub/a="]);
});

test("M13: a name may survive without the bytes, and the bytes are nothing without the name", () => {
  const scene = new Scene();
  scene.create("a").write("1");
  expectCut(scene, ["nothing", "a=", "a=.", "a=1"]);
});

test("M13: a rename may be on the disk before the bytes of the file", () => {
  const scene = new Scene({ b: "old" });
  scene.create("a").write("new");
  scene.syncDirectory();
  scene.rename("a", "b");
  const files = ["", "...", "new"];
  expectCut(scene, [...files.map((a) => `a=${a} b=old`), ...files.map((a) => `b=${a}`)]);
});

test("a call that failed and did nothing leaves nothing to lose, one that did all the same does", () => {
  const scene = new Scene({ a: "1" });
  const [unlink, rename] = [() => scene.unlink("a"), () => scene.rename("a", "b")];
  scene.failing(unlink, "none");
  scene.failing(rename, "none");
  expectCut(scene, ["a=1"]);
  scene.failing(rename, "whole");
  expectCut(scene, ["a=1", "b=1"]);
  expect(() => scene.unlink("a")).toThrow("ENOENT");
  expectCut(scene, ["a=1", "b=1"]);
});
