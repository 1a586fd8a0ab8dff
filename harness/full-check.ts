// C8: all read paths agree. Every key and every gap of a state, by every way to ask.

import { expectEntries, expectValue, type About } from "./compare.ts";
import type { EngineRange, EngineStore } from "./engine.ts";
import { Failure } from "./failure.ts";
import { isKey, keyBytes, keyOf, type Key } from "./keys.ts";
import type { Model, ModelEntry } from "./model.ts";
import type { Capability } from "./capabilities.ts";
import { offers } from "./unsupported.ts";

/** How much of a large store each read path is asked for: the scans see all of it, the seeks this many places. */
const PLACES_MOST = 400;

/** Forward and reverse scans of everything, point reads, seeks to keys and gaps; throws Failure. */
export function checkEverything(
  store: EngineStore,
  model: Model,
  capabilities: ReadonlySet<Capability>,
  op?: number,
): void {
  const about = (what: string): About => ({ condition: "C8", op, what });
  const entries = model.scan();
  if (!capabilities.has("scan")) {
    for (const [key, ref] of entries) expectValue(about("get"), key, store.get(keyBytes(key)), ref);
    return;
  }
  expectEntries(about("forward scan"), store.scan({}), model.walk());
  if (capabilities.has("reverse"))
    expectEntries(about("reverse scan"), store.scan({ reverse: true }), model.walk({ reverse: true }));
  const places = placesOf(entries);
  checkPoints(store, model, places, about);
  checkBounds(store, model, places, capabilities, about);
  if (capabilities.has("snapshot")) checkSnapshot(store, model, about);
  if (capabilities.has("cursor")) checkCursor(store, entries, places, about);
}

/** Keys spread over the state, and for each a key just behind it that is most likely absent. */
function placesOf(entries: readonly ModelEntry[]): Key[] {
  const stride = Math.max(1, Math.floor(entries.length / PLACES_MOST));
  const places: Key[] = ["", "\xff\xff\xff"];
  for (let i = 0; i < entries.length; i += stride) places.push(entries[i]![0], `${entries[i]![0]}\0`);
  return places;
}

function checkPoints(store: EngineStore, model: Model, places: readonly Key[], about: (what: string) => About): void {
  const asked = places.filter((key) =>
    offers(() => {
      const expected = model.get(key);
      expectValue(about("get"), key, store.get(keyBytes(key)), expected);
      if (store.has(keyBytes(key)) !== (expected !== undefined)) {
        throw new Failure("C8", `has of ${JSON.stringify(key)} disagrees with get`, about("").op);
      }
    }),
  );
  const values = store.getMany(asked.map(keyBytes));
  asked.forEach((key, i) => expectValue(about("getMany"), key, values[i], model.get(key)));
}

function checkBounds(
  store: EngineStore,
  model: Model,
  places: readonly Key[],
  capabilities: ReadonlySet<Capability>,
  about: (what: string) => About,
): void {
  const directions = capabilities.has("reverse") ? [false, true] : [false];
  places.forEach((key, i) => {
    const bytes = keyBytes(key);
    const reverse = directions[i % directions.length]!;
    const ranges: readonly [EngineRange, object][] = [
      [{ gte: bytes }, { gte: key }],
      [{ gt: bytes }, { gt: key }],
      [{ lt: bytes }, { lt: key }],
      [{ lte: bytes }, { lte: key }],
    ];
    const [range, modelRange] = ranges[(i >> 1) % ranges.length]!;
    offers(() =>
      expectEntries(
        about("bounded scan"),
        store.scan({ ...range, reverse, limit: 3 }),
        model.walk({ ...modelRange, reverse, limit: 3 }),
      ),
    );
  });
}

function checkSnapshot(store: EngineStore, model: Model, about: (what: string) => About): void {
  const snapshot = store.snapshot();
  expectEntries(about("snapshot scan"), store.scan({}, snapshot), model.walk());
  snapshot.close();
}

// A fresh cursor up and down, and one reused cursor to every place, turning round at each.
function checkCursor(
  store: EngineStore,
  entries: readonly ModelEntry[],
  places: readonly Key[],
  about: (what: string) => About,
): void {
  const cursor = store.cursor({});
  const expect = (what: string, valid: boolean, entry: ModelEntry | undefined): void => {
    const here = about(`cursor ${what}`);
    if (valid !== (entry !== undefined)) {
      throw new Failure(
        "C8",
        `${here.what}: valid is ${valid}, the model ${entry ? `has ${JSON.stringify(entry[0])}` : "has nothing"}`,
        here.op,
      );
    }
    if (!entry) return;
    if (!isKey(cursor.key, entry[0])) {
      throw new Failure(
        "C8",
        `${here.what}: stands on ${JSON.stringify(keyOf(cursor.key))}, not ${JSON.stringify(entry[0])}`,
        here.op,
      );
    }
    expectValue(here, entry[0], cursor.value, entry[1]);
  };
  const keys = entries.map(([key]) => key);
  for (const place of places) {
    const at = lowerBound(keys, place);
    expect("seek", cursor.seek(keyBytes(place)), entries[at]);
    if (at < entries.length) expect("prev after seek", cursor.prev(), entries[at - 1]);
    const before = keys[at] === place ? at : at - 1;
    expect("seekForPrev", cursor.seekForPrev(keyBytes(place)), entries[before]);
    if (before >= 0) expect("next after seekForPrev", cursor.next(), entries[before + 1]);
  }
  cursor.close();
}

function lowerBound(keys: readonly Key[], key: Key): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
