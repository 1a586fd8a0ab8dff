// Stores that are wrong on purpose. The inspector must see each, and so must the engine, and both must blame the same file:
// its open refuses the store, or verify() finds something. Classes that the engine has no reason to see say why
// (wrong/wrong-class.ts), and it does not. UPDATE_GOLDENS=1 writes anew what the two say.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { storeProblems, storeProblemTexts } from "./store-judge.ts";
import { problemText, type StoreProblem } from "./problem.ts";
import { ROOT } from "./stores.test-support.ts";
import {
  blamedByEngine,
  filesAfterSession,
  imageOfFiles,
  verdictOf,
  type StoreFiles,
} from "./stores-encoded.test-support.ts";
import { wrongStore, type UnseenReason, type WrongClass } from "./wrong/wrong-class.ts";
import { WRONG_CLASSES } from "./wrong/wrong-stores.ts";

const SEEDS = ["1", "2"];
const GOLDEN = fileURLToPath(new URL("testdata/wrong-stores.txt", import.meta.url));

function judged(one: WrongClass, seed: string): { files: StoreFiles; problems: StoreProblem[] } {
  const { plan, files } = wrongStore(one, seed);
  return { files, problems: storeProblems(imageOfFiles(files), ROOT, { open: !plan.closed }) };
}

function problemsAfterSession(files: StoreFiles): string[] {
  return storeProblemTexts(imageOfFiles(filesAfterSession(files)), ROOT, { open: false });
}

function isRefused(files: StoreFiles): boolean {
  const verdict = verdictOf(files);
  return typeof verdict === "string" || !verdict.ok;
}

test.each(WRONG_CLASSES.map((one) => [one.name, one] as const))("%s", (_, one) => {
  for (const seed of SEEDS) {
    const { files, problems } = judged(one, seed);
    expect(problems.map(({ condition }) => condition)).toContain(one.condition);
    const blamed = blamedByEngine(files);
    if (one.unseen === undefined) {
      const both = blamed.filter(({ file }) => problems.some((problem) => problem.file === file));
      expect([blamed, problems, both.length > 0]).toEqual([blamed, problems, true]);
    } else expect(blamed).toEqual([]);
    // An open for writing may put right what a number or a promise says; then nothing may be left of it.
    if (isRefused(files)) continue;
    const left = problemsAfterSession(files);
    const isLeft = one.unseen === "foreign" || one.unseen === "unbounded";
    expect(left).toEqual(isLeft ? problems.map(problemText) : []);
  }
});

test("there are 200 and more that both see, each another store", () => {
  const hashes = new Set<string>();
  const both = WRONG_CLASSES.filter(({ unseen }) => unseen === undefined);
  for (const one of both) for (const seed of SEEDS) hashes.add(hashOf(wrongStore(one, seed).files));
  expect(hashes.size).toBe(both.length * SEEDS.length);
  expect(hashes.size).toBeGreaterThan(300);
  expect(new Set(WRONG_CLASSES.map(({ name }) => name)).size).toBe(WRONG_CLASSES.length);
});

test("what verify() has no reason to see", () => {
  const unseen = (reason: UnseenReason): string[] =>
    WRONG_CLASSES.filter((one) => one.unseen === reason).map(({ name }) => name);
  expect(unseen("unbounded")).toEqual(["a sequence number twice, under two keys"]);
  expect(unseen("foreign").map((name) => name.replace("in the directory: ", ""))).toEqual([
    "7.log",
    "lost/anything",
    "notes.txt",
  ]);
  expect(unseen("mended")).toEqual([
    "in the directory: 999999.sst",
    "in the directory: 1000000.log",
    "in the directory: MANIFEST-999999",
    "in the directory: CURRENT.tmp",
    "a manifest without CLEAN END, though the log has one",
    "bytes behind the manifest's CLEAN END",
    "a chunk of no type in front of the manifest's CLEAN END",
  ]);
});

function hashOf(files: StoreFiles): string {
  const hash = createHash("sha256");
  for (const [name, bytes] of files) hash.update(`${name} ${bytes.length}\n`).update(bytes);
  return hash.digest("hex");
}

test("what the two say of each is what they said before", () => {
  const lines = WRONG_CLASSES.flatMap((one) => {
    const { files, problems } = judged(one, SEEDS[0]!);
    return [
      one.name,
      ...problems.map(({ condition, file, problem }) => `  ${condition} ${file}: ${problem}`),
      ...blamedByEngine(files).map(({ file, problem }) => `  engine ${file}: ${problem}`),
    ];
  });
  const actual = `${lines.join("\n")}\n`;
  if (process.env["UPDATE_GOLDENS"] === "1") writeFileSync(GOLDEN, actual);
  expect(existsSync(GOLDEN)).toBe(true);
  expect(actual).toBe(readFileSync(GOLDEN, "utf8"));
});

test("the same class and seed give the same files", () => {
  for (const one of WRONG_CLASSES.slice(0, 60)) {
    expect(wrongStore(one, "1").files).toEqual(wrongStore(one, "1").files);
    expect(wrongStore(one, "1").files).not.toEqual(wrongStore(one, "2").files);
  }
});
