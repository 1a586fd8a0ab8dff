// Properties of the simulated disk over programs drawn from seeds. The model sentence by sentence: litmus-*.test.ts.

import { expect, test } from "vitest";
import { Random } from "../workloads/random.ts";
import { crashImages } from "./crash-images.ts";
import { RandomProgram } from "./random-program.test-support.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/** Everything that one may ask of a disk, as keys. */
function answers(disk: SimulatedDisk): string[] {
  const cuts = crashImages(disk, { samples: 4, seed: "1", onCapped: () => undefined });
  const images = [disk.imageNone(), disk.imageAll(), disk.imageKill(), disk.imageKill(true)];
  return [...cuts, ...images].map(({ key }) => key);
}

test("what a process kill leaves is what the file system shows, after every call of any program", async () => {
  for (let seed = 0; seed < 150; seed++) {
    const random = new Random(`shows:${seed}`);
    const program = new RandomProgram(random, { faultEvery: seed % 2 === 0 ? 5 : 1000 });
    const { scene } = program;
    for (let step = 0; step < 40; step++) {
      program.step();
      if (random.chance(1, 3)) await program.settle();
      expect(scene.files.capture(scene.contents).key, `seed ${seed}, step ${step}`).toBe(scene.disk.imageKill().key);
    }
    await program.settle();
  }
});

test("everything that is pending together is what a reader sees", () => {
  for (let seed = 0; seed < 100; seed++) {
    const program = new RandomProgram(new Random(`pending:${seed}`));
    for (let step = 0; step < 30; step++) program.step();
    const { disk, files, contents } = program.scene;
    expect(disk.imageAll().key, `seed ${seed}`).toBe(files.capture(contents).key);
  }
});

test("a clone goes on as the original does", async () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new Random(`clone:${seed}`);
    const program = new RandomProgram(random, { faultEvery: 8 });
    const { scene } = program;
    for (let step = random.int(25); step >= 0; step--) program.step();
    const clone = scene.disk.clone();
    expect(answers(clone), `seed ${seed}, at once`).toEqual(answers(scene.disk));
    scene.others.push(clone);
    for (let step = 0; step < 12; step++) {
      program.step();
      if (random.chance(1, 4)) await program.settle();
      expect(answers(clone), `seed ${seed}, ${step} calls later`).toEqual(answers(scene.disk));
    }
    await program.settle();
  }
});

test("what happens to a clone does not happen to the original", () => {
  for (let seed = 0; seed < 60; seed++) {
    const program = new RandomProgram(new Random(`apart:${seed}`), { faultEvery: 8 });
    const { scene } = program;
    for (let step = 0; step < 20; step++) program.step();
    const original = scene.disk.clone();
    const before = answers(original);
    for (let step = 0; step < 10; step++) program.step();
    scene.disk.kill(true);
    expect(answers(original), `seed ${seed}`).toEqual(before);
  }
});

test("a kill changes nothing that a power cut may leave, whatever was going on", () => {
  for (let seed = 0; seed < 60; seed++) {
    const program = new RandomProgram(new Random(`kill:${seed}`), { faultEvery: 8 });
    for (let step = 0; step < 25; step++) program.step();
    const { disk } = program.scene;
    const before = answers(disk);
    disk.kill();
    expect(answers(disk), `seed ${seed}`).toEqual(before);
  }
});

test("with old bytes read back, what a kill leaves is what the next life starts from", () => {
  let different = 0;
  for (let seed = 0; seed < 60; seed++) {
    const program = new RandomProgram(new Random(`old:${seed}`), { faultEvery: 3 });
    for (let step = 0; step < 25; step++) program.step();
    const { disk } = program.scene;
    const { key } = disk.imageKill(true);
    if (key !== disk.imageKill().key) different++;
    disk.kill(true);
    expect(disk.imageKill().key, `seed ${seed}`).toBe(key);
  }
  expect(different).toBeGreaterThan(0);
});

test("nothing is pending behind a sync of every file and every directory, but for what failed", () => {
  for (let seed = 0; seed < 60; seed++) {
    const program = new RandomProgram(new Random(`all:${seed}`));
    for (let step = 0; step < 25; step++) program.step();
    const { scene } = program;
    const { files, directories } = scene.disk.imageKill();
    for (const path of files.keys()) scene.open(path.slice(1)).sync();
    for (const path of directories) scene.syncDirectory(path.slice(1));
    expect(answers(scene.disk), `seed ${seed}`).toContain(scene.disk.imageKill().key);
    expect(scene.disk.imageNone().key, `seed ${seed}`).toBe(scene.disk.imageKill().key);
    expect(scene.powerCut(), `seed ${seed}`).toHaveLength(1);
  }
});
