// G30 over many stores, most of them damaged in one place, some in several.

import { repair } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { Random } from "tinykv/harness";
import { expect, test } from "vitest";
import { differences, readImage, writeImage, withFile } from "../directory-image.ts";
import { laterProblem, notKept, secondRepairProblem, STORE, wrongAfterRepair, type Unwitnessed } from "./judgement.ts";
import { seededDamage, type DamagedStore } from "./seeded-damage.ts";
import { seededStore, type SeededStore } from "./seeded-stores.ts";

const STORES = 60;
const DAMAGES = 8;

test("G30: a key is right that the report does not name; what was damaged is kept; a second repair finds nothing", () => {
  const wrong: string[] = [];
  let cases = 0;
  for (let seed = 1; seed <= STORES; seed++) {
    const store = seededStore(String(seed));
    for (let i = 0; i < DAMAGES; i++) {
      const damaged = seededDamage(store, new Random(`damage ${seed} ${i}`));
      if (damaged.done.length === 0 || !hasAny(damaged)) continue;
      cases++;
      const problem = problemOf(store, damaged);
      if (problem !== undefined)
        wrong.push(`${seed}/${i} ${store.isClosed ? "closed" : "killed"} ${told(damaged)}: ${problem}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(cases).toBeGreaterThan(STORES * DAMAGES * 0.8);
});

test("stores of many shapes that are sound are left as they are", () => {
  for (let seed = 1; seed <= STORES; seed++) {
    const { image, options } = seededStore(String(seed));
    const env = new MemoryEnv();
    writeImage(env, STORE, image);
    expect(repair(STORE, { ...options, env }), `seed ${seed}`).toMatchObject({ ok: true, rebuilt: false });
    expect(differences(image, readImage(env, STORE))).toEqual([]);
  }
});

test("a manifest that is cut anywhere loses nothing, and the report says so", () => {
  for (const seed of ["1", "2", "3", "4", "5", "6"]) {
    const store = seededStore(seed);
    const [manifest] = [...store.image.keys()].filter((name) => name.startsWith("MANIFEST-"));
    const bytes = store.image.get(manifest!)!;
    for (let length = 0; length < bytes.length; length += 7) {
      const env = new MemoryEnv();
      writeImage(env, STORE, withFile(store.image, manifest!, bytes.subarray(0, length)));
      const { lost } = repair(STORE, { ...store.options, env });
      // Of a store that was not closed nobody knows what a last log without a header, or a table without an end, had held.
      if (store.isClosed) expect(lost, `seed ${seed}, cut at ${length}`).toEqual([]);
    }
  }
});

test("a log that is cut anywhere loses what stood behind, and no more than the report says", () => {
  for (const seed of ["2", "3", "4"]) {
    const store = seededStore(seed);
    for (const file of [...store.image.keys()].filter((name) => name.endsWith(".log"))) {
      const bytes = store.image.get(file)!;
      for (let length = 0; length < bytes.length; length += 9) {
        const image = withFile(store.image, file, bytes.subarray(0, length));
        expect(
          problemOf(store, { image, done: [{ file, kind: "cut" }] }),
          `seed ${seed}, ${file} cut at ${length}`,
        ).toBe(undefined);
      }
    }
  }
});

function problemOf(store: SeededStore, damaged: DamagedStore): string | undefined {
  const env = new MemoryEnv({ seed: 5 });
  writeImage(env, STORE, damaged.image);
  const { options, history } = store;
  const report = repair(STORE, { ...options, env });
  const files = damaged.done.filter(({ kind }) => kind !== "earlier").map(({ file }) => file);
  const lacking = notKept(env, damaged.image, files, report);
  if (lacking.length > 0) return `${lacking.join(", ")} not in lost/ as it was`;
  const unwitnessed = unwitnessedOf(store, damaged, report.isCertain);
  return (
    wrongAfterRepair(env, options, history, report, unwitnessed) ??
    secondRepairProblem(env, options) ??
    laterProblem(env, options, history)
  );
}

// What is lost cannot be known where a file is gone altogether of which no manifest speaks; and of the newest log where it has
// lost its end, and nothing says any more that it had been longer: then a suffix may be gone.
function unwitnessedOf(
  { image, isClosed }: SeededStore,
  { image: left, done }: DamagedStore,
  isCertain: boolean,
): Unwitnessed {
  const isGone = [...image.keys()].some((name) => /\.(?:sst|log)$/.test(name) && isUseless(left.get(name), done, name));
  if (!isCertain && isGone) return "anything";
  const newestLog = [...image.keys()].findLast((name) => name.endsWith(".log"));
  const isHit = done.some(({ file }) => file === newestLog);
  const isPromised = isClosed && !done.some(({ file }) => file.startsWith("MANIFEST-"));
  return isHit && !isPromised ? { behind: 0 } : "nothing";
}

function isUseless(bytes: Buffer | undefined, done: DamagedStore["done"], name: string): boolean {
  return (
    bytes === undefined || bytes.length === 0 || done.some(({ file, kind }) => file === name && kind === "other file")
  );
}

function hasAny({ image }: DamagedStore): boolean {
  return [...image.keys()].some((name) => name === "CURRENT" || /^MANIFEST-|\.(?:log|sst)$/.test(name));
}

function told({ done }: DamagedStore): string {
  return done.map(({ file, kind }) => `${file} ${kind}`).join(", ");
}
