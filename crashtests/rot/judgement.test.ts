// The judge is judged: engines that are wrong in each of the ways that C22 knows are found, and on the same cases the real
// one is not.

import { CorruptionError, open, type Database, type Options } from "tinykv";
import type { Env } from "tinykv/env";
import { expect, test } from "vitest";
import { Cases } from "./campaign.ts";
import type { DamageKind } from "./damage.ts";
import { judge } from "./judgement.ts";
import { chunksOf } from "./log-places.ts";
import type { Opener } from "./reads.ts";
import { STORE, type SubjectName } from "./subject.ts";
import type { Trial } from "./trial.ts";

const cases = new Cases();

interface Wanted {
  readonly subject: SubjectName;
  readonly file: RegExp;
  readonly kind: DamageKind;
  readonly access?: Trial["access"];
  readonly mode?: Trial["mode"];
  readonly name?: RegExp;
}

/** About as many of the cases that are so, evenly spread. */
function some(wanted: Wanted, most = 30): Trial[] {
  const { subject, file, kind, access = "for writing", mode = "pointInTime", name = /./ } = wanted;
  const found = cases.units.filter(
    (unit) =>
      unit.subject.name === subject &&
      unit.damage.kind === kind &&
      file.test(unit.damage.file) &&
      name.test(unit.damage.name),
  );
  const stride = Math.max(1, Math.floor(found.length / most));
  return found.filter((_, i) => i % stride === 0).map((unit) => ({ ...unit, access, mode }));
}

/** What the judge says of the cheat, case by case, where it says anything; the real engine passes all of them. */
function findings(trials: readonly Trial[], cheat: Opener): string[] {
  expect(trials.length).toBeGreaterThan(0);
  for (const trial of trials) expect(judge(trial)).not.toMatchObject({ outcome: "wrong" });
  return trials.flatMap((trial) => judge(trial, cheat).wrong ?? []);
}

/** The database with some of its members replaced. */
function altered(db: Database, changes: object): Database {
  return new Proxy(db, {
    get(target, name) {
      const value: unknown = Reflect.get(name in changes ? changes : target, name);
      return typeof value === "function" && !(name in changes) ? value.bind(target) : value;
    },
  });
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

function envOf(options: Options): Env {
  return options.env!;
}

const TABLE_FLIPS: Wanted = { subject: "closed", file: /\.sst$/, kind: "flip" };
/** In the older log, all of which its successor witnesses. */
const LOG_FLIPS: Wanted = { subject: "killed", file: /000015\.log$/, kind: "flip" };
const SALVAGES: Wanted = { ...LOG_FLIPS, mode: "skipCorrupted" };

test("a get that says not found for could not read is found", () => {
  const found = findings(some(TABLE_FLIPS), (path, options) => {
    const db = open(path, options);
    return altered(db, { get: (...given: Parameters<Database["get"]>) => orUndefined(() => db.get(...given)) });
  });
  expect(found.length).toBeGreaterThan(5);
  expect(found.every((wrong) => /get: /.test(wrong))).toBe(true);
});

test("a scan that ends early where it could not read is found", () => {
  function* quiet(entries: Iterable<[Buffer, Buffer]>): Generator<[Buffer, Buffer]> {
    const iterator = entries[Symbol.iterator]();
    for (let next = orUndefined(() => iterator.next()); next && !next.done; next = orUndefined(() => iterator.next())) {
      yield next.value;
    }
  }
  const found = findings(some(TABLE_FLIPS), (path, options) => {
    const db = open(path, options);
    return altered(db, { iterate: (...given: Parameters<Database["iterate"]>) => quiet(db.iterate(...given)) });
  });
  expect(found.length).toBeGreaterThan(5);
  expect(found.every((wrong) => /ends after \d+ of/.test(wrong))).toBe(true);
});

test("a verify that finds nothing, and one that blames a sound file, are found", () => {
  const report = { ok: true, files: 1, blocks: 1, entries: 1, problems: [] };
  const blind = findings(some(TABLE_FLIPS), (path, options) => altered(open(path, options), { verify: () => report }));
  expect(blind.length).toBeGreaterThan(5);
  const blaming = findings(some(TABLE_FLIPS), (path, options) =>
    altered(open(path, options), {
      verify: () => ({ ...report, ok: false, problems: [{ file: "CURRENT", offset: 0, problem: "guess" }] }),
    }),
  );
  expect(blaming.length).toBeGreaterThan(5);
});

// Where open says that a log is corrupt the log is cut there, and the store opens.
function cutting(path: string, options: Options, cutAt: (error: CorruptionError) => number): Database {
  for (;;) {
    try {
      return open(path, options);
    } catch (error) {
      if (!(error instanceof CorruptionError) || !error.file.endsWith(".log")) throw error;
      const file = envOf(options).open(`${path}/${error.file}`, "rw");
      if (file.size() === cutAt(error)) throw error;
      file.truncate(cutAt(error));
      file.close();
    }
  }
}

test("an open that gives the prefix in place of the corruption is found", () => {
  const witnessed = some({ subject: "killed", file: /000018\.log$/, kind: "flip", name: /-2\d\d\./ });
  const found = findings(witnessed, (path, options) => cutting(path, options, ({ offset }) => offset));
  expect(found.length).toBe(witnessed.length);
  expect(found.every((wrong) => /not |ends after/.test(wrong))).toBe(true);
});

test("a recovery that drops one record more than the torn one, or keeps none of a tail, is found", () => {
  const log = "000018.log";
  const torn = some({ subject: "killed", file: /000018\.log$/, kind: "flip", name: /-6[1-3]\d\./ });
  const ends = chunksOf(log, torn[0]!.subject.files.get(log)!).map(({ end }) => end);
  for (const length of [ends.at(-3)!, ends[0]!, 0]) {
    const found = findings(torn, (path, options) => {
      const file = envOf(options).open(`${path}/${log}`, "rw");
      file.truncate(length);
      file.close();
      return open(path, options);
    });
    expect(found.length).toBe(torn.length);
  }
});

test("an open that refuses a mere tear is found", () => {
  const torn = some({ subject: "killed", file: /000018\.log$/, kind: "flip", name: /-6[1-3]\d\./ });
  const found = findings(torn, (path, options) => open(path, { ...options, walRecoveryMode: "absolute" }));
  expect(found.length).toBe(torn.length);
});

test("an open that removes, truncates or writes to what it refuses is found, read-only or not", () => {
  const acts: ((env: Env, file: string) => void)[] = [
    (env, file) => env.unlink(file),
    (env, file) => env.rename(file, `${file}.bad`),
    (env, file) => truncate(env, file),
    (env) => env.open(`${STORE}/000099.log`, "wx").close(),
  ];
  for (const act of acts) {
    for (const access of ["read-only", "for writing"] as const) {
      const trials = some({ ...LOG_FLIPS, access }, 8);
      const found = findings(trials, (path, options) => {
        try {
          return open(path, options);
        } catch (error) {
          act(envOf(options), `${path}/${(error as CorruptionError).file}`);
          throw error;
        }
      });
      expect(found.every((wrong) => wrong.startsWith("a refused open changed"))).toBe(true);
      expect(found.length).toBe(trials.length);
    }
  }
});

function truncate(env: Env, path: string): void {
  const file = env.open(path, "rw");
  file.truncate(0);
  file.close();
}

test("an engine that removes a table once it has found it damaged is found", () => {
  const found = findings(some(TABLE_FLIPS), (path, options) => {
    const db = open(path, options);
    const verify = (): ReturnType<Database["verify"]> => {
      const report = db.verify();
      for (const { file } of report.problems) orUndefined(() => envOf(options).unlink(`${path}/${file}`));
      return report;
    };
    return altered(db, { verify });
  });
  expect(found.length).toBeGreaterThan(5);
  expect(found.every((wrong) => /reported, and no more what it was/.test(wrong))).toBe(true);
});

test("an error of another kind, a wrong file, an offset beyond the file are found", () => {
  const other: ((error: CorruptionError) => Error)[] = [
    () => new RangeError("offset is out of bounds"),
    ({ offset, problem }) => new CorruptionError("CURRENT", offset, problem),
    ({ file, problem }) => new CorruptionError(file, 1 << 20, problem),
    ({ file, problem }) => new CorruptionError(file, -1, problem),
  ];
  for (const wrong of other) {
    const trials = some(LOG_FLIPS, 8);
    const found = findings(trials, (path, options) => {
      try {
        return open(path, options);
      } catch (error) {
        throw wrong(error as CorruptionError);
      }
    });
    expect(found.length).toBe(trials.length);
  }
});

test("a salvage that does not say what it left out, says more than that, or keeps nothing of it is found", () => {
  // Behind the header, without which nothing would be kept.
  const trials = some({ ...SALVAGES, name: /-(?:1[2-9]|[2-5]\d)\d\./ }, 12);
  const silent = findings(trials, (path, options) => {
    const db = open(path, options);
    return altered(db, { recovery: { ...db.recovery, skipped: [] } });
  });
  expect(silent.length).toBe(trials.length);
  const greedy = findings(trials, (path, options) => {
    const db = open(path, options);
    const skipped = db.recovery.skipped.map(({ file, reason }) => ({ file, offset: 0, length: 606, reason }));
    return altered(db, { recovery: { ...db.recovery, skipped } });
  });
  expect(greedy.length).toBe(trials.length);
  const careless = findings(trials, (path, options) => {
    const db = open(path, options);
    for (const name of envOf(options).readDirectory(`${path}/lost`)) envOf(options).unlink(`${path}/lost/${name}`);
    return db;
  });
  expect(careless.length).toBe(trials.length);
  expect(careless.every((wrong) => wrong.endsWith("is not in lost/"))).toBe(true);
});

test("an allocation that the file does not justify is found, whoever makes it", () => {
  const size = 2 << 20;
  const ways: (() => unknown)[] = [
    () => Buffer.alloc(size),
    () => Buffer.allocUnsafe(size),
    () => Buffer.allocUnsafeSlow(size),
    () => new Uint8Array(size),
    () => new Float64Array(size / 8),
    () => new SharedArrayBuffer(size),
  ];
  const trials = some(LOG_FLIPS, 2);
  for (const allocate of ways) {
    const found = findings(trials, (path, options) => {
      allocate();
      return open(path, options);
    });
    expect(found.length).toBe(trials.length);
    expect(found[0]).toMatch(/^an allocation of 2097152 bytes/);
  }
});

test("a store that a writable open served and that is another one after a reopen is found", () => {
  const trials = some({ subject: "killed", file: /LOCK$/, kind: "flip" }, 4);
  const found = findings(trials, (path, options) => {
    const db = open(path, options);
    if (options.readOnly) return db;
    const close = (): void => {
      db.put("zzz", "of nobody");
      db.close();
    };
    return altered(db, { close });
  });
  expect(found.length).toBe(trials.length);
  expect(found[0]).toMatch(/^after a reopen: /);
});
