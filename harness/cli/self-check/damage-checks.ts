// Damage is seen: by the judge of rot, by the fuzzers, by the inspector.

import { CorruptionError, open, type Database } from "tinykv";
import { Cases } from "../../../crashtests/rot/campaign.ts";
import { judge } from "../../../crashtests/rot/judgement.ts";
import type { Opener } from "../../../crashtests/rot/reads.ts";
import type { Trial } from "../../../crashtests/rot/trial.ts";
import { problemOf, type Target } from "../../../fuzz/target.ts";
import { ImageEnv } from "../../disk/image-env.ts";
import { ContentStore, type Image, makeImage } from "../../disk/image.ts";
import type { InternalKey, TableEntry } from "../../inspector/edit-framing.ts";
import type { ManifestState } from "../../inspector/manifest-framing.ts";
import { storeProblemTexts } from "../../inspector/store-judge.ts";
import { soundnessProblems } from "../../inspector/version-soundness.ts";
import type { Check } from "./check.ts";

const TRIALS = 40;

/** The database with some of its members replaced. */
function altered(db: Database, changes: object): Database {
  return new Proxy(db, {
    get(target, name) {
      const value: unknown = Reflect.get(name in changes ? changes : target, name);
      return typeof value === "function" && !(name in changes) ? value.bind(target) : value;
    },
  });
}

const ROT_CHEATS: Readonly<Record<string, Opener>> = {
  "get() says not found for could not read": (path, options) => {
    const db = open(path, options);
    return altered(db, {
      get(...words: Parameters<Database["get"]>) {
        try {
          return db.get(...words);
        } catch (error) {
          if (error instanceof CorruptionError) return undefined;
          throw error;
        }
      },
    });
  },
  "open() throws an error of another kind": (path, options) => {
    try {
      return open(path, options);
    } catch (error) {
      throw error instanceof CorruptionError ? new RangeError("out of memory") : error;
    }
  },
  "a refused open has changed a file": (path, options) => {
    try {
      return open(path, options);
    } catch (error) {
      const file = options.env!.open(`${path}/CURRENT`, "rw");
      file.truncate(0);
      file.close();
      throw error;
    }
  },
};

let trials: readonly Trial[] | undefined;

// Flipped bits in tables and in an older log of a killed store, opened for writing.
function someTrials(): readonly Trial[] {
  if (trials) return trials;
  const units = new Cases().units.filter(
    ({ subject, damage }) =>
      subject.name === "killed" && damage.kind === "flip" && /\.sst$|000015\.log$/.test(damage.file),
  );
  const stride = Math.floor(units.length / TRIALS);
  trials = units
    .filter((_, i) => i % stride === 0)
    .map((unit) => ({ ...unit, access: "for writing", mode: "pointInTime" }));
  return trials;
}

function rotProblem(cheat: Opener): string | undefined {
  const blamed = someTrials()
    .map((trial) => judge(trial))
    .find(({ outcome }) => outcome === "wrong");
  if (blamed) return `a sound engine is blamed: ${blamed.wrong}`;
  return someTrials().some((trial) => judge(trial, cheat).outcome === "wrong") ? undefined : "it is not found";
}

function fuzzProblem(): string | undefined {
  const target = (run: () => void): Target => ({
    name: "self-check",
    modules: [],
    bytesMax: 1,
    memory: "sum",
    seed: () => new Uint8Array(1),
    dissect: () => undefined,
    run,
  });
  const throwing = (error: Error): string | undefined =>
    problemOf(
      target(() => {
        throw error;
      }),
      new Uint8Array(1),
    );
  if (throwing(new TypeError("x is undefined")) === undefined) return "a TypeError is taken for an answer";
  if (throwing(new CorruptionError("a", 0, "bad")) !== undefined) return "a CorruptionError is taken for a mistake";
  return undefined;
}

const ROOT = "/store";

// Each file that must be there taken away, each that must not be there put in.
function closureProblem(): string | undefined {
  const image = closedStore();
  const problems = storeProblemTexts(image, ROOT, { open: false });
  if (problems.length > 0) return `a sound store: ${problems[0]}`;
  const paths = [...image.files.keys()].filter((path) => !path.endsWith("/LOCK"));
  for (const path of paths) {
    const without = new Map(image.files);
    without.delete(path);
    if (storeProblemTexts(makeImage(without, image.directories), ROOT, { open: false }).length === 0)
      return `nothing is said of a store without ${path}`;
  }
  for (const path of paths.filter((name) => name.endsWith(".sst") || name.endsWith(".log"))) {
    const copy = path.replace(/\d{6}/, "000900");
    const files = new Map(image.files).set(copy, image.files.get(path)!);
    if (storeProblemTexts(makeImage(files, image.directories), ROOT, { open: false }).length === 0)
      return `nothing is said of ${copy}, which nobody asks for`;
  }
  return undefined;
}

function closedStore(): Image {
  const env = new ImageEnv();
  const db = open(ROOT, { env, background: "inline" });
  db.put("a", "1");
  db.flush();
  db.put("b", "2");
  db.close();
  return env.capture(new ContentStore());
}

const key = (text: string, sequence: number): InternalKey => ({ key: text, sequence, kind: 1 });

function tableOf(number: number, level: number, from: string, to: string): TableEntry {
  const sequence = number * 10;
  const bounds = { smallest: key(from, sequence), largest: key(to, sequence) };
  const sequences = { leastSequence: sequence, greatestSequence: sequence };
  return { level, number, size: 100, tag: 1, epoch: number, ...bounds, ...sequences, entries: 1, deletes: 0 };
}

function stateOf(...tables: TableEntry[]): ManifestState {
  const levels = Array.from({ length: 12 }, (_, level) => tables.filter((table) => table.level === level));
  return {
    comparator: "tinykv.bytewise",
    databaseId: "0".repeat(32),
    logNumber: 1,
    nextFileNumber: 100,
    lastSequence: 1000,
    tables,
    levels,
    cursors: new Map(),
  };
}

/** Levels that contradict themselves, in each of the ways that a look at one end misses. */
const UNSOUND: Readonly<Record<string, readonly TableEntry[]>> = {
  "one table within another": [tableOf(1, 1, "a", "z"), tableOf(2, 1, "m", "n")],
  "the end of one in the other": [tableOf(1, 1, "a", "n"), tableOf(2, 1, "m", "z")],
  "one key in two tables": [tableOf(1, 1, "a", "m"), tableOf(2, 1, "m", "z")],
  "bounds upside down": [tableOf(1, 1, "z", "a")],
  "one epoch twice": [tableOf(1, 0, "a", "b"), { ...tableOf(2, 0, "c", "d"), epoch: 1 }],
  "an older epoch with newer entries": [
    { ...tableOf(2, 0, "a", "b"), epoch: 1 },
    { ...tableOf(1, 0, "a", "b"), epoch: 2 },
  ],
  "an older version above a newer one": [tableOf(1, 1, "a", "b"), tableOf(2, 2, "b", "c")],
  "a number above the last": [{ ...tableOf(1, 1, "a", "b"), greatestSequence: 2000 }],
};

function soundnessProblem(): string | undefined {
  const sound = soundnessProblems(stateOf(tableOf(3, 0, "a", "z"), tableOf(1, 1, "a", "m"), tableOf(2, 1, "n", "z")));
  if (sound.length > 0) return `sound levels: ${sound[0]}`;
  const missed = Object.entries(UNSOUND).find(([, tables]) => soundnessProblems(stateOf(...tables)).length === 0);
  return missed && `nothing is said of ${missed[0]}`;
}

export const DAMAGE_CHECKS: readonly Check[] = [
  { group: "inspector", law: "files that are missing, or that nobody asks for, are seen", run: closureProblem },
  { group: "inspector", law: "levels that contradict themselves are seen", run: soundnessProblem },
  { group: "fuzz", law: "an error of another kind is a mistake", run: fuzzProblem },
  ...Object.entries(ROT_CHEATS).map(([law, cheat]): Check => ({ group: "rot", law, run: () => rotProblem(cheat) })),
];
