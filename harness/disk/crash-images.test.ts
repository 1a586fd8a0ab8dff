// Which images are tried at one moment: of small ones all that the model allows, of large ones the systematic ones.

import { expect, test } from "vitest";
import { Random } from "../workloads/random.ts";
import { everyImage } from "./brute-force.test-support.ts";
import { crashImages, type CrashImage } from "./crash-images.ts";
import type { Choice } from "./choice.ts";
import { type Kind, KINDS, RandomProgram } from "./random-program.test-support.ts";
import { Scene, tell } from "./scene.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { prefixInTime } from "./survivals.ts";

const PAGE = 4096;
/** So many pending items are combined in all ways. */
const ALL_MAX = 6;
/** Two sectors of the first page and one of the second: what programs write there can be torn in few ways. */
const POSITIONS = [0, 511, PAGE];
/** Bytes in the same sectors. */
const LOG = "x".padEnd(512, "\0") + "y".padEnd(PAGE - 512, "\0") + "z";

interface Tried {
  readonly images: readonly CrashImage[];
  readonly capped: boolean;
}

function tried(disk: SimulatedDisk, samples = 0, seed = "1"): Tried {
  let capped = false;
  const images = crashImages(disk, { samples, seed, onCapped: () => (capped = true) });
  return { images, capped };
}

function keysOf(images: readonly CrashImage[]): Set<string> {
  return new Set(images.map((image) => image.image().key));
}

const withoutRemovals = KINDS.filter((kind) => kind !== "unlink" && kind !== "rename");

/** Moments of small programs at which all combinations are tried. */
function* smallMoments(label: string, programs: number, kinds?: readonly Kind[]): Generator<[string, RandomProgram]> {
  for (let seed = 0; seed < programs; seed++) {
    const program = new RandomProgram(new Random(`${label}:${seed}`), {
      positions: POSITIONS,
      durable: { a: "aa", "x.log": LOG, "sub/": "" },
      names: ["a", "x.log", "b", "sub/a"],
      faultEvery: 6,
      ...(kinds && { kinds }),
    });
    for (let step = 0; step < 14; step++) {
      program.step();
      const { disk } = program.scene;
      if (disk.pending().length > 0 && disk.pending().length <= ALL_MAX) yield [`seed ${seed}, step ${step}`, program];
    }
  }
}

test("small: the images are those that brute force finds, no more and no less", () => {
  let moments = 0;
  let most = 0;
  for (const [where, { scene }] of smallMoments("brute", 120)) {
    const { images, capped } = tried(scene.disk);
    if (capped || images.length > 200) continue;
    const keys = keysOf(images);
    expect(keys, where).toEqual(everyImage(scene.disk));
    expect(keys.size, where).toBe(images.length);
    moments++;
    most = Math.max(most, images.length);
  }
  expect(moments).toBeGreaterThan(300);
  expect(most).toBeGreaterThan(50);
});

test("an image comes again from its own account of itself, in small and in large", () => {
  let large = 0;
  for (let seed = 0; seed < 60; seed++) {
    const program = new RandomProgram(new Random(`again:${seed}`), { faultEvery: 9 });
    const { scene } = program;
    for (let step = 0; step < 25; step++) {
      program.step();
      if (step % 4 !== 0) continue;
      const items = scene.disk.pending();
      const { images, capped } = tried(scene.disk, 6);
      if (capped) large++;
      for (const image of images) {
        const { choices, fill } = image.survival();
        const again = scene.disk.image(items, choices, fill);
        expect(again.key, `seed ${seed}, step ${step}: ${tell(again)}`).toBe(image.image().key);
        expect(choices.filter(({ torn }) => torn !== undefined).length).toBeLessThanOrEqual(2);
      }
    }
  }
  expect(large).toBeGreaterThan(40);
});

test("an image's contents stand under the paths of its tree", () => {
  const program = new RandomProgram(new Random("tree"));
  for (let step = 0; step < 20; step++) program.step();
  for (const image of tried(program.scene.disk).images) {
    const { files, directories } = image.image();
    expect([...files.keys()]).toEqual(image.tree.paths);
    expect([...files.values()]).toEqual(image.contents());
    expect(directories).toEqual(image.tree.directories);
  }
});

test("equal images have equal keys, others have others, on every disk of one store of contents", () => {
  const byKey = new Map<string, string>();
  const { scene } = new RandomProgram(new Random("keys"));
  for (const sync of [false, true]) {
    const other = new Scene({ a: "0", b: "1" }, scene.contents);
    const file = other.open("a");
    file.write("2");
    if (sync) file.sync();
    other.unlink("b");
    for (const image of tried(other.disk).images) {
      expect(byKey.get(image.key) ?? tell(image.image())).toBe(tell(image.image()));
      byKey.set(image.key, tell(image.image()));
    }
  }
  expect([...byKey.values()].sort()).toEqual(["a=0", "a=0 b=1", "a=2", "a=2 b=1"]);
});

// The claim behind cutPlaces (crash/image-graph.ts): inside a recovery the moments just before the syncs are enough.

test("between two syncs every moment's images are among the later ones'", () => {
  let moments = 0;
  let before = new Set<string>();
  let program: RandomProgram | undefined;
  let events = 0;
  // Which log died last shows in images: that none does is part of the claim.
  for (const [where, now] of smallMoments("grow", 150, withoutRemovals)) {
    const { scene } = now;
    const since = program === now ? scene.trace.slice(events) : scene.trace;
    const isSynced = since.some((event) => "call" in event && event.call.startsWith("sync"));
    const { images, capped } = tried(scene.disk);
    const keys = capped ? new Set<string>() : keysOf(images);
    if (program === now && !isSynced && !capped) {
      for (const key of before) expect(keys.has(key), where).toBe(true);
      moments++;
    }
    [program, before, events] = [now, keys, scene.trace.length];
  }
  expect(moments).toBeGreaterThan(200);
});

test("with renames and unlinks of files that are no logs, too", () => {
  let moments = 0;
  for (let seed = 0; seed < 80; seed++) {
    const names = ["a", "b", "c"];
    const program = new RandomProgram(new Random(`renames:${seed}`), {
      positions: POSITIONS,
      durable: { a: "a", b: "b" },
      names,
      kinds: ["create", "open", "write", "unlink", "rename", "link"],
    });
    let before = new Set<string>();
    for (let step = 0; program.scene.disk.pending().length <= ALL_MAX; step++) {
      const { images, capped } = tried(program.scene.disk);
      if (capped) break;
      const keys = keysOf(images);
      for (const key of before) expect(keys.has(key), `seed ${seed}, step ${step}`).toBe(true);
      before = keys;
      moments++;
      program.step();
    }
  }
  expect(moments).toBeGreaterThan(300);
});

// Where not all combinations are tried.

/** Three files with pages, sizes and names pending: far more than can be combined. */
function largeScene(): Scene {
  const scene = new Scene({ a: "a".repeat(4 * PAGE), b: "b" });
  const a = scene.open("a");
  for (let page = 0; page < 4; page++) a.write("A", page * PAGE + 7);
  scene.open("b").write("BB");
  const c = scene.create("c");
  c.write("C".repeat(5));
  scene.rename("b", "d");
  return scene;
}

function expectTried(scene: Scene, choices: readonly Choice[], what: string): void {
  const image = scene.disk.image(scene.disk.pending(), choices);
  expect(keysOf(tried(scene.disk).images).has(image.key), `${what}: ${tell(image)}`).toBe(true);
}

test("large: nothing, everything, and everything up to each moment are tried", () => {
  const scenes = [largeScene()];
  for (let seed = 0; seed < 40; seed++) {
    const program = new RandomProgram(new Random(`moments:${seed}`), { faultEvery: 9 });
    for (let step = 0; step < 30; step++) program.step();
    scenes.push(program.scene);
  }
  let capped = 0;
  scenes.forEach((scene, i) => {
    const items = scene.disk.pending();
    if (tried(scene.disk).capped) capped++;
    expectTried(scene, scene.disk.pending().map(none), `scene ${i}, nothing`);
    expectTried(scene, scene.disk.pending().map(all), `scene ${i}, everything`);
    for (const time of new Set(items.flatMap(({ times }) => times))) {
      expectTried(scene, prefixInTime(items, time), `scene ${i}, up to ${time}`);
    }
  });
  expect(capped).toBeGreaterThan(15);
});

test("large: each item alone is tried, and all but each", () => {
  const scene = largeScene();
  const items = scene.disk.pending();
  expect(items).toHaveLength(10);
  expect(tried(scene.disk).capped).toBe(true);
  items.forEach((one, i) => {
    const only = items.map((item) => (item === one ? all(item) : none()));
    const without = items.map((item) => (item === one ? none() : all(item)));
    expectTried(scene, only, `only item ${i}`);
    expectTried(scene, without, `all but item ${i}`);
  });
});

test("large: each name together with each file is tried", () => {
  const scene = largeScene();
  const items = scene.disk.pending();
  for (const name of items.filter(({ kind }) => kind === "name")) {
    for (const inode of new Set(items.flatMap((item) => (item.kind === "name" ? [] : [item.inode])))) {
      const choices = items.map((item) =>
        item === name || (item.kind !== "name" && item.inode === inode) ? all(item) : none(),
      );
      expectTried(scene, choices, `${inode.path} with a name`);
    }
  }
});

test("large: samples come from the seed, and each image once", () => {
  const { disk } = largeScene();
  const keys = (samples: number, seed: string): string[] => tried(disk, samples, seed).images.map(({ key }) => key);
  const systematic = keys(0, "1");
  expect(new Set(systematic).size).toBe(systematic.length);
  const sampled = keys(50, "1");
  expect(new Set(sampled).size).toBe(sampled.length);
  expect(sampled.slice(0, systematic.length)).toEqual(systematic);
  expect(sampled.length).toBeGreaterThan(systematic.length + 10);
  expect(keys(50, "1")).toEqual(sampled);
  expect(keys(50, "2")).not.toEqual(sampled);
});

test("few items are all combined, and it is told when combinations are left out", () => {
  const scene = new Scene();
  for (let i = 0; i < ALL_MAX; i++) scene.create(`f${i}`);
  const small = tried(scene.disk);
  expect([small.images.length, small.capped]).toEqual([2 ** ALL_MAX, false]);
  scene.create("one more");
  const large = tried(scene.disk);
  expect(large.capped).toBe(true);
  expect(large.images.length).toBeLessThan(2 ** ALL_MAX);
});

test("a file with a great many contents is not combined in all ways, and that is told", () => {
  const scene = new Scene({ a: "a".repeat(2 * PAGE) });
  const file = scene.open("a");
  for (let i = 0; i < 40; i++) file.write(String.fromCharCode(65 + i), i % 2 === 0 ? 0 : PAGE);
  expect(scene.disk.pending()).toHaveLength(2);
  expect(tried(scene.disk).capped).toBe(false); // 21 contents of each page
  for (let i = 0; i < 40; i++) file.write(String.fromCharCode(97 + i), i % 2 === 0 ? 0 : PAGE);
  expect(scene.disk.pending()).toHaveLength(2);
  expect(tried(scene.disk).capped).toBe(true);
});

test("nothing pending: one image", () => {
  expect(tried(new Scene({ a: "1" }).disk).images.map((image) => tell(image.image()))).toEqual(["a=1"]);
});

function none(): Choice {
  return { version: 0 };
}

function all({ times }: { times: readonly number[] }): Choice {
  return { version: times.length - 1 };
}
