// What is found in a mutant is the mutant's: the same hunt in a sound copy finds nothing. From dist/.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE } from "../../../fuzz/instrument.ts";
import { huntAll } from "./campaign.ts";
import { type Mutant, readCatalogue } from "./catalogue.ts";
import { hunt } from "./hunt-mutant.ts";
import { plant } from "./plant.ts";

const MUTANT: Mutant = readCatalogue().find(({ id }) => id === "c-22-compaction-without-snapshots")!;

test("a sound copy has nothing that is found", async () => {
  const answer = await hunt(undefined, { kind: "hunt", seed: "control" }, { milliseconds: 15_000 });
  expect(answer).toMatchObject({ by: undefined, condition: "", message: "" });
  expect(answer.executions).toBeGreaterThan(50);
});

test("a mutant is found, made small, and is gone with its copy", async () => {
  const [hunted] = await huntAll([MUTANT], { seed: "1", deadline: performance.now() + 60_000 });
  expect(hunted).toMatchObject({ found: true, condition: "C24" });
  expect(hunted!.ops).toBeGreaterThan(0);
  expect(hunted!.ops).toBeLessThan(10);
});

test("what the time does not reach is not found, and was not run", async () => {
  const late = await huntAll([MUTANT], { seed: "1", deadline: performance.now() - 1 });
  expect(late).toMatchObject([{ found: false, by: "", runs: 0 }]);
});

test("a mutant that never comes back is found too", async () => {
  const mutant = { ...MUTANT, file: "src/lsm/close.ts", find: "groups.complete();", replace: "for (;;);" };
  const answer = await hunt(mutant, { kind: "hunt", seed: "1" }, { milliseconds: 1_000, hangMilliseconds: 2_000 });
  expect(answer).toMatchObject({ by: "corpus", condition: "C28", message: "no progress for 2 s" });
});

test("a mutant that ends the process is found, and the next one is hunted in another", async () => {
  const replace = 'process.kill(process.pid, "SIGABRT");';
  const deadly = { ...MUTANT, id: "deadly", file: "src/lsm/close.ts", find: "groups.complete();", replace };
  const hunted = await huntAll([deadly, deadly, MUTANT, MUTANT], { seed: "1", deadline: performance.now() + 60_000 });
  expect(hunted.map(({ condition, found }) => [condition, found])).toEqual([
    ["C28", true],
    ["C28", true],
    ["C24", true],
    ["C24", true],
  ]);
  expect(hunted[0]).toMatchObject({ by: "corpus", message: "the process ended with SIGABRT" });
});

test("a mutant changes its copy alone", () => {
  const file = `dist/${MUTANT.file.replace(/\.ts$/, ".js")}`;
  const before = readFileSync(join(PACKAGE, file), "utf8");
  const { root, remove } = plant(MUTANT);
  expect(readFileSync(join(root, file), "utf8")).not.toBe(before);
  expect(readFileSync(join(PACKAGE, file), "utf8")).toBe(before);
  remove();
  expect(existsSync(root)).toBe(false);
  expect(existsSync(join(PACKAGE, "harness/corpus"))).toBe(true);
});
