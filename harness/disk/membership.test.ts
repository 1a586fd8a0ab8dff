// Asked the other way round, the simulated disk knows its own images, and no others.

import { expect, test } from "vitest";
import { Random } from "../workloads/random.ts";
import { crashImages } from "./crash-images.ts";
import type { Image } from "./image.ts";
import { whyImpossible } from "./membership.ts";
import { RandomProgram } from "./random-program.test-support.ts";
import { Scene } from "./scene.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

function filesOf(image: Image): Map<string, Uint8Array> {
  return new Map([...image.files].map(([path, { bytes }]) => [path, bytes]));
}

function why(disk: SimulatedDisk, files: Readonly<Record<string, string>>): string | undefined {
  const named = Object.entries(files).map(([name, text]) => [`/${name}`, Buffer.from(text, "latin1")] as const);
  return whyImpossible(disk, new Map(named), "");
}

test("each image that a power cut may leave of any program is recognised", async () => {
  let asked = 0;
  for (let seed = 0; seed < 60; seed++) {
    const program = new RandomProgram(new Random(`member:${seed}`), { faultEvery: seed % 2 === 0 ? 6 : 1000 });
    for (let step = 0; step < 25; step++) program.step();
    await program.settle();
    const { disk } = program.scene;
    for (const found of crashImages(disk, { samples: 6, seed: "1", onCapped: () => undefined })) {
      // What was never written is zeros, on the file systems that are asked about.
      if (found.survival().fill === "stale") continue;
      asked++;
      expect(whyImpossible(disk, filesOf(found.image()), ""), `seed ${seed}`).toBeUndefined();
    }
  }
  expect(asked).toBeGreaterThan(500);
});

test("no image with a byte that was never written, or a file that never was, is recognised", () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = new Random(`stranger:${seed}`);
    const program = new RandomProgram(random);
    for (let step = 0; step < 25; step++) program.step();
    const { disk } = program.scene;
    const files = filesOf(disk.imageAll());
    const written = [...files].filter(([, bytes]) => bytes.length > 0);
    if (written.length > 0) {
      const [path, bytes] = random.pick(written);
      const changed = Uint8Array.from(bytes);
      changed[random.int(bytes.length)] = 0x7e;
      expect(whyImpossible(disk, new Map([...files, [path, changed]]), ""), `seed ${seed}`).toBeDefined();
    }
    expect(whyImpossible(disk, new Map([...files, ["/stranger", new Uint8Array()]]), ""), `seed ${seed}`).toBeDefined();
  }
});

test("what is durable cannot be missing, what is pending can", () => {
  const scene = new Scene({ a: "1" });
  scene.create("b").write("2");
  expect(why(scene.disk, { a: "1" })).toBeUndefined();
  expect(why(scene.disk, { a: "1", b: "" })).toBeUndefined();
  expect(why(scene.disk, { a: "1", b: "\0" })).toBeUndefined();
  expect(why(scene.disk, { a: "1", b: "2" })).toBeUndefined();
  expect(why(scene.disk, { b: "2" })).toMatch(/no survival of names/);
  expect(why(scene.disk, { a: "", b: "2" })).toMatch(/\/a is 0 bytes long/);
  scene.syncDirectory();
  expect(why(scene.disk, { a: "1" })).toMatch(/no survival of names/);
});

test("a page may be torn between sectors, not within one", () => {
  const old = "o".repeat(4096);
  const scene = new Scene({ a: old });
  scene.open("a").write("n".repeat(4096));
  expect(why(scene.disk, { a: "n".repeat(512) + "o".repeat(3584) })).toBeUndefined();
  expect(why(scene.disk, { a: "n".repeat(500) + "o".repeat(3596) })).toMatch(/none of its 2 versions/);
});

test("two pages may be torn, three may not", () => {
  const page = (first: string, rest: string): string => first.repeat(512) + rest.repeat(3584);
  const scene = new Scene({ a: "o".repeat(3 * 4096) });
  scene.open("a").write("n".repeat(3 * 4096));
  expect(why(scene.disk, { a: page("n", "o") + page("o", "n") + page("o", "o") })).toBeUndefined();
  expect(why(scene.disk, { a: page("n", "o") + page("o", "n") + page("n", "o") })).toMatch(/3 pages are torn/);
});

test("of many pending names each may be the one that is lost", () => {
  const scene = new Scene();
  const names = Array.from({ length: 15 }, (_, i) => `f${i + 10}`);
  for (const name of names) scene.create(name);
  const without = names.filter((name) => name !== "f17");
  expect(why(scene.disk, Object.fromEntries(without.map((name) => [name, ""])))).toBeUndefined();
  expect(why(scene.disk, Object.fromEntries(names.map((name) => [name, ""])))).toBeUndefined();
});
