// Every byte of every file of a small store, cleanly closed, is damaged in turn. Whatever byte it is: the damage is
// reported, by open, by a read or by verify, as CORRUPTION or FORMAT_UNSUPPORTED naming the file; or all answers are right.

import { CorruptionError, open, TinyKVError, type Database } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { expect, test } from "vitest";
import { differences, readImage, withFile, writeImage, type DirectoryImage } from "../directory-image.ts";
import { makeSmallStore, SMALL, STORE, wrongAnswer } from "../small-store.ts";

const { image, expected } = makeSmallStore();

/** All bits of a byte, and its lowest one. */
const MASKS = [0xff, 0x01];

/** The last chunk of a manifest: nothing that it says is not said by the log's CLEAN END too, and a kill may tear it. */
const CLEAN_END_BYTES = 19 + 24;

type Outcome = "reported" | "harmless";

interface Findings {
  /** Damage that gave wrong answers, an error of another kind or another file, or changed what it refused to open. */
  readonly wrong: string[];
  /** Ranges of damage that nobody noticed, all answers being right: "file first-last". */
  readonly unnoticed: string[];
}

function damageEverything(readOnly: boolean): Findings {
  const findings: Findings = { wrong: [], unnoticed: [] };
  for (const [file, bytes] of image) {
    const unnoticed = new Set<number>();
    for (let offset = 0; offset < bytes.length; offset++) {
      for (const mask of MASKS) {
        const damaged = Buffer.from(bytes);
        damaged[offset]! ^= mask;
        const outcome = judge(withFile(image, file, damaged), file, readOnly);
        if (outcome === "harmless") unnoticed.add(offset);
        else if (outcome !== "reported") findings.wrong.push(`${file} at ${offset} ^ ${mask}: ${outcome}`);
      }
    }
    findings.unnoticed.push(...rangesOf(unnoticed).map((range) => `${file} ${range}`));
  }
  return findings;
}

function rangesOf(offsets: ReadonlySet<number>): string[] {
  const firsts = [...offsets].filter((offset) => !offsets.has(offset - 1));
  const lasts = [...offsets].filter((offset) => !offsets.has(offset + 1));
  return firsts.map((first, i) => `${first}-${lasts[i]}`);
}

/** An outcome, or what is wrong with it. */
function judge(damaged: DirectoryImage, file: string, readOnly: boolean): Outcome | (string & {}) {
  const env = new MemoryEnv();
  writeImage(env, STORE, damaged);
  let db: Database;
  try {
    db = open(STORE, { ...SMALL, env, readOnly });
  } catch (error) {
    const changed = differences(damaged, readImage(env, STORE));
    return changed.length > 0 ? `a refused open changed ${changed.join(", ")}` : judgeError(error, file);
  }
  try {
    const { problems } = db.verify();
    const elsewhere = problems.find((problem) => problem.file !== file);
    if (elsewhere) return `verify blames ${elsewhere.file}: ${elsewhere.problem}`;
    const wrong = judgeReads(db, file);
    if (wrong !== "harmless") return wrong;
    return problems.length > 0 ? "reported" : "harmless";
  } finally {
    db.close();
  }
}

function judgeReads(db: Database, file: string): Outcome | (string & {}) {
  try {
    return wrongAnswer(db, expected) ?? "harmless";
  } catch (error) {
    return judgeError(error, file);
  }
}

function judgeError(error: unknown, file: string): Outcome | (string & {}) {
  if (error instanceof CorruptionError) {
    const isPlace = error.file === file && Number.isSafeInteger(error.offset) && error.offset >= 0;
    return isPlace ? "reported" : `blames ${error.file} at ${error.offset}: ${error.problem}`;
  }
  const isUnsupported = error instanceof TinyKVError && error.code === "TINYKV_FORMAT_UNSUPPORTED";
  if (isUnsupported && error.message.includes(file)) return "reported";
  return `threw ${String(error)}`;
}

const manifest = [...image.keys()].find((name) => name.startsWith("MANIFEST-"))!;

for (const readOnly of [true, false]) {
  test(`a damaged byte is reported or changes no answer, opening ${readOnly ? "read-only" : "for writing"}`, () => {
    const { wrong, unnoticed } = damageEverything(readOnly);
    expect(wrong).toEqual([]);
    // Noticed is every byte but those that are nobody's promise: LOCK, and what is said twice.
    const size = image.get(manifest)!.length;
    expect(unnoticed).toEqual([
      `LOCK 0-${image.get("LOCK")!.length - 1}`,
      `${manifest} ${size - CLEAN_END_BYTES}-${size - 1}`,
    ]);
  });
}

test("the store that is damaged has tables, a log, a manifest and CURRENT, and opens undamaged", () => {
  const kinds = [...image.keys()].map((name) => name.replace(/\d{6}/, "N")).sort();
  expect(kinds).toEqual(["CURRENT", "LOCK", "MANIFEST-N", "N.log", "N.sst", "N.sst"]);
  const env = new MemoryEnv();
  writeImage(env, STORE, image);
  const db = open(STORE, { ...SMALL, env, readOnly: true });
  expect(wrongAnswer(db, expected)).toBeUndefined();
  expect(db.verify().problems).toEqual([]);
  db.close();
});
