// Every key by every read path. A path answers rightly, or throws CorruptionError having said nothing wrong.

import { CorruptionError, type Database, type Options } from "tinykv";

/** What is judged: as much of a Database as takes part. */
export type SubjectStore = Pick<
  Database,
  | "recovery"
  | "get"
  | "getMany"
  | "has"
  | "iterate"
  | "cursor"
  | "snapshot"
  | "find"
  | "verify"
  | "checkpoint"
  | "flush"
  | "compactRange"
  | "close"
>;

/** Opens what is judged. */
export type Opener = (path: string, options: Options) => SubjectStore;

type Entries = readonly (readonly [string, string])[];

/** What the paths that did not answer threw, and the first answer that was wrong. */
export interface Findings {
  readonly errors: CorruptionError[];
  wrong: string | undefined;
}

/** A place before all keys but the empty one, gaps between them, one behind them all. */
const ABSENT = ["\u0001", "cc", "g", "zz"];

/** `known` are all keys that the store may ever have held. Throws what is no CorruptionError. */
export function readEverything(store: SubjectStore, expected: Entries, known: readonly string[]): Findings {
  const findings: Findings = { errors: [], wrong: undefined };
  const path = (what: string, read: () => string | undefined): void => {
    try {
      const wrong = read();
      if (wrong !== undefined) findings.wrong ??= `${what}: ${wrong}`;
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      findings.errors.push(error);
    }
  };
  const values = new Map(expected);
  const keys = [...known, ...ABSENT];
  path("forward", () => compareScan(store.iterate(), expected));
  path("reverse", () => compareScan(store.iterate({ reverse: true }), [...expected].reverse()));
  for (const key of keys) {
    const value = values.get(key);
    path("get", () => (textOf(store.get(key)) === value ? undefined : `${JSON.stringify(key)} is not ${value}`));
    path("find", () => {
      const [newest] = store.find(key);
      return textOf(newest?.value) === value ? undefined : `${JSON.stringify(key)} is not ${value} in ${newest?.where}`;
    });
    path("has", () => (store.has(key) === (value !== undefined) ? undefined : `${JSON.stringify(key)}: ${!value}`));
  }
  path("getMany", () => {
    const found = store.getMany(keys).map(textOf);
    const at = keys.findIndex((key, i) => found[i] !== values.get(key));
    return at < 0 ? undefined : `${JSON.stringify(keys[at])} is ${found[at]}`;
  });
  boundedScans(store, expected, path);
  cursorMoves(store, expected, keys, path);
  snapshotReads(store, expected, path);
  return findings;
}

export function compareScan(scan: Iterable<readonly [Uint8Array, Uint8Array]>, expected: Entries): string | undefined {
  let count = 0;
  for (const [key, value] of scan) {
    const wanted = expected[count++];
    const is = `${String(textOf(key))}=${String(textOf(value))}`;
    if (!wanted || is !== `${wanted[0]}=${wanted[1]}`) return `entry ${count - 1} is ${is}, not ${wanted?.join("=")}`;
  }
  return count === expected.length ? undefined : `ends after ${count} of ${expected.length} entries`;
}

type Path = (what: string, read: () => string | undefined) => void;

function boundedScans(store: SubjectStore, expected: Entries, path: Path): void {
  const within = expected.filter(([key]) => key >= "c" && key < "j");
  path("bounded", () => compareScan(store.iterate({ gte: "c", lt: "j" }), within));
  path("bounded reverse", () =>
    compareScan(store.iterate({ gte: "c", lt: "j", reverse: true }), [...within].reverse()),
  );
}

// Each place is sought from both sides, with a turn behind each seek; then from end to end.
function cursorMoves(store: SubjectStore, expected: Entries, places: readonly string[], path: Path): void {
  const keys = expected.map(([key]) => key);
  const cursor = store.cursor();
  const stands = (valid: boolean, entry: Entries[number] | undefined): string | undefined => {
    if (valid !== (entry !== undefined)) return `valid is ${valid} where ${entry?.[0] ?? "the end"} should be`;
    if (!entry) return undefined;
    const is = [textOf(cursor.key), textOf(cursor.value)];
    return is[0] === entry[0] && is[1] === entry[1] ? undefined : `stands on ${is.join("=")}, not ${entry.join("=")}`;
  };
  for (const place of places) {
    const at = keys.findIndex((key) => key >= place);
    const from = at < 0 ? keys.length : at;
    const upTo = keys[from] === place ? from : from - 1;
    path(`seek ${place}`, () => stands(cursor.seek(place), expected[from]));
    path(`prev behind seek ${place}`, () =>
      stands(cursor.seek(place) && cursor.prev(), expected[from < keys.length ? from - 1 : -1]),
    );
    path(`seekForPrev ${place}`, () => stands(cursor.seekForPrev(place), expected[upTo]));
  }
  path("cursor forward", () => walk(cursor.first(), () => cursor.next(), expected, stands));
  path("cursor back", () => walk(cursor.last(), () => cursor.prev(), [...expected].reverse(), stands));
  cursor.close();
}

function walk(
  begun: boolean,
  move: () => boolean,
  expected: Entries,
  stands: (valid: boolean, entry: Entries[number] | undefined) => string | undefined,
): string | undefined {
  let valid = begun;
  for (const entry of expected) {
    const wrong = stands(valid, entry);
    if (wrong !== undefined) return wrong;
    valid = move();
  }
  return stands(valid, undefined);
}

function snapshotReads(store: SubjectStore, expected: Entries, path: Path): void {
  const snapshot = store.snapshot();
  path("snapshot scan", () => compareScan(store.iterate({ snapshot }), expected));
  for (const [key, value] of expected) {
    path("snapshot get", () => (textOf(store.get(key, { snapshot })) === value ? undefined : `${key} is not ${value}`));
  }
  path("snapshot getMany", () => {
    const found = store.getMany(
      expected.map(([key]) => key),
      { snapshot },
    );
    const at = expected.findIndex(([, value], i) => textOf(found[i]) !== value);
    return at < 0 ? undefined : `${expected[at]![0]} is not ${expected[at]![1]}`;
  });
  const cursor = store.cursor({ snapshot });
  path("snapshot cursor", () => {
    const scan: [Uint8Array, Uint8Array][] = [];
    for (let valid = cursor.first(); valid; valid = cursor.next())
      scan.push([Buffer.from(cursor.key), Buffer.from(cursor.value)]);
    return compareScan(scan, expected);
  });
  cursor.close();
  snapshot.close();
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
