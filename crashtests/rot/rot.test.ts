// A sample of the campaign, and what the campaign rests on: stores that have everything, cases that are each judged once.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { open } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { WHOLE } from "tinykv/harness";
import { expect, test } from "vitest";
import { writeImage } from "../directory-image.ts";
import { Cases, merged, runCampaign, sum, type TallyRow } from "./campaign.ts";
import { DAMAGE_KINDS, damagesOf } from "./damage.ts";
import { judge } from "./judgement.ts";
import { chunksOf } from "./log-places.ts";
import { compareScan } from "./reads.ts";
import { makeSubject, OPTIONS, stateOf, STORE, SUBJECT_NAMES } from "./subject.ts";
import { outcomeTable } from "./table.ts";
import { ACCESSES, MODES, nameOf } from "./trial.ts";

/** A few seconds' worth. */
const SAMPLE = 3000;
/** Another number is another sample. */
const SEED = "1";

const cases = new Cases();
const sampled = runCampaign(cases, { seed: SEED, sample: SAMPLE, shard: WHOLE });

test(`C22 G18 to G21: whatever is damaged, the answer is the right one or CorruptionError (seed ${SEED})`, () => {
  const { cases: count, failures, rows } = sampled;
  expect(failures).toEqual([]);
  expect(count).toBe(SAMPLE);
  const kinds = new Set(rows.map(({ damage }) => damage));
  expect([...kinds].sort()).toEqual([...DAMAGE_KINDS].sort());
  // A sample without one of them would say nothing of it.
  const all = rows.reduce<TallyRow["outcomes"]>((total, { outcomes }) => sum(total, outcomes), {});
  for (const outcome of ["detected", "salvaged", "harmless", "tear", "undetectable"] as const) {
    expect(all[outcome], outcome).toBeGreaterThan(10);
  }
  expect(outcomeTable(rows)).toMatch(/\nall +\d+ +\d+ +\d+ +\d+ +\d+ +0$/);
});

test("after a clean close there is no tear, and nothing undetectable", () => {
  const closed = sampled.rows.filter(({ subject }) => subject.endsWith("closed"));
  expect(closed.length).toBeGreaterThan(50);
  expect(closed.filter(({ outcomes }) => outcomes.tear ?? outcomes.undetectable)).toEqual([]);
});

for (const access of ACCESSES) {
  test(`G21: after a clean close each byte is noticed that is somebody's promise, opening ${access}`, () => {
    const subject = makeSubject("closed");
    const unnoticed = new Map<string, number[]>();
    for (const damage of damagesOf(subject)) {
      const [, byte, bit] = /^flip-(\d+)\.(\d)$/.exec(damage.name) ?? [];
      if (byte === undefined || Number(byte) % 8 !== Number(bit)) continue;
      const { outcome, wrong } = judge({ subject, damage, access, mode: "pointInTime" });
      expect(wrong, damage.name).toBeUndefined();
      if (outcome === "harmless") unnoticed.set(damage.file, [...(unnoticed.get(damage.file) ?? []), Number(byte)]);
    }
    // LOCK, what the manifest's CLEAN END says that the log's says too, and the earlier life of a recycled log.
    const manifest = [...subject.files.keys()].find((name) => name.startsWith("MANIFEST-"))!;
    const newest = subject.logs.at(-1)!;
    const size = (file: string): number => subject.files.get(file)!.length;
    const ends = new Map([manifest, newest].map((file) => [file, chunksOf(file, subject.files.get(file)!).at(-1)!]));
    const bytes = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);
    expect(Object.fromEntries(unnoticed)).toEqual({
      LOCK: bytes(0, size("LOCK")),
      [manifest]: bytes(ends.get(manifest)!.offset, size(manifest)),
      [newest]: bytes(ends.get(newest)!.end, size(newest)),
    });
  });
}

test("undamaged, each store answers rightly in the modes that take it", () => {
  for (const name of SUBJECT_NAMES) {
    const subject = makeSubject(name);
    const damage = { file: "LOCK", kind: "flip", name: "nothing", bytes: () => subject.files.get("LOCK") } as const;
    for (const access of ACCESSES) {
      for (const mode of MODES) {
        const wanted = mode === "absolute" && !subject.isClosed ? "detected" : "harmless";
        expect(judge({ subject, damage, access, mode }), `${name} ${access} ${mode}`).toEqual({ outcome: wanted });
      }
    }
  }
});

test("the store has tables on three levels, two logs, the newest recycled, padding, a record of two chunks, manifest edits", () => {
  const { files, logs, writes, durable } = makeSubject("killed");
  const env = new MemoryEnv();
  writeImage(env, STORE, files);
  const db = open(STORE, { ...OPTIONS, env, readOnly: true });
  expect(db.stats().levels.map(({ tables }) => tables > 0)).toEqual([true, true, true]);
  expect(
    compareScan(
      db.iterate(),
      stateOf(writes, () => true),
    ),
  ).toBeUndefined();
  expect(db.recovery).toMatchObject({ logs: 2, clean: false });
  db.close();
  const chunks = logs.map((log) => chunksOf(log, files.get(log)!));
  expect(chunks[0]!.some(({ type }) => type === 4)).toBe(true);
  expect(chunks[1]!.some(({ start, offset }) => start < offset)).toBe(true);
  expect(chunks[1]!.at(-1)!.end).toBeLessThan(files.get(logs[1]!)!.length - 20);
  const manifest = [...files.keys()].find((name) => name.startsWith("MANIFEST-"))!;
  expect(chunksOf(manifest, files.get(manifest)!).length).toBeGreaterThanOrEqual(4);
  expect(durable).toBeLessThan(writes.length);
  const total = [...files.values()].reduce((bytes, file) => bytes + file.length, 0);
  expect(total).toBeLessThan(8 << 10);
});

test("every bit of every file is a case, in each mode, read-only and for writing, closed and killed", () => {
  const flips = SUBJECT_NAMES.map((name) => [...makeSubject(name).files.values()])
    .flat()
    .reduce((bits, file) => bits + file.length * 8, 0);
  const units = cases.units.filter(({ damage }) => damage.kind === "flip");
  expect(new Set(units.map(({ subject, damage }) => `${subject.name} ${damage.file} ${damage.name}`)).size).toBe(flips);
  expect(cases.count).toBe(cases.units.length * ACCESSES.length * MODES.length);
});

test("the shards of a campaign, sampled or whole, are the campaign, each case once", () => {
  for (const sample of [undefined, 500]) {
    const options = { seed: "3", ...(sample !== undefined && { sample }) };
    const whole = cases.chosen({ ...options, shard: WHOLE });
    const parts = [1, 2, 3].map((index) => cases.chosen({ ...options, shard: { index, count: 3 } }));
    const sizes = parts.map((part) => part.length);
    expect(new Set(parts.flat()).size).toBe(sample ?? cases.count);
    expect(new Set([...parts.flat(), ...whole]).size).toBe(whole.length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(6);
  }
});

test("C27: the same seed gives the same outcomes, and shards' results add up to the whole's", () => {
  const run = (index: number, count: number) => runCampaign(cases, { seed: "4", sample: 300, shard: { index, count } });
  const parts = merged([run(1, 2), run(2, 2)]);
  const whole = run(1, 1);
  expect(run(1, 1)).toEqual(whole);
  expect(parts.cases).toBe(whole.cases);
  expect(outcomeTable(parts.rows).split("\n").sort()).toEqual(outcomeTable(whole.rows).split("\n").sort());
});

const MAIN = fileURLToPath(new URL("../../dist/crashtests/rot/main.js", import.meta.url));

test("the command runs its threads, judges one case by its name, and refuses what it does not know", () => {
  const run = (...words: string[]): string => execFileSync(process.execPath, [MAIN, ...words], { encoding: "utf8" });
  const { ok, cases: count, seed } = JSON.parse(run("--sample", "40", "--seed", "5", "--threads", "2", "--json"));
  expect({ ok, count, seed }).toEqual({ ok: true, count: 40, seed: "5" });
  expect(run("--case", nameOf(cases.at(0)))).toBe("harmless\n");
  for (const words of [
    ["--case", "killed:nothing"],
    ["--shard", "3/2"],
  ]) {
    expect(() => run(...words)).toThrow(expect.objectContaining({ status: 2 }));
  }
});
