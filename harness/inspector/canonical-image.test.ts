import type { Options } from "tinykv";
import { expect, test } from "vitest";
import { makeImage, type Image } from "../disk/image.ts";
import { Canonicalizer } from "./canonical-image.ts";
import { frameLog } from "./log-framing.ts";
import { storeProblems } from "./store-judge.ts";
import { busySession, bytesOf, changed, flipped, MemoryStore, namesWith, ROOT, SMALL } from "./stores.test-support.ts";
import { encodeCurrent } from "./store-names.ts";
import { frameTable } from "./table-framing.ts";

const ORPHANS = ["whole", "counted"] as const;
const canonicalizer = new Canonicalizer();

function keys(image: Image): string[] {
  return ORPHANS.map((orphans) => canonicalizer.keyOf(image, ROOT, orphans));
}

function expectEqual(a: Image, b: Image): void {
  expect(a.files.size).toBe(b.files.size);
  expect(keys(a)).toEqual(keys(b));
}

function expectDifferent(a: Image, b: Image): void {
  const [of, other] = [keys(a), keys(b)];
  for (const i of ORPHANS.keys()) expect(of[i]).not.toBe(other[i]);
}

function rawLogs(image: Image): Uint8Array[] {
  return namesWith(image, ".log").map((name) => bytesOf(image, name));
}

/** Images of a store's life, all different: open, with tables, closed, opened again. */
function life(store: MemoryStore, options: Options = SMALL): Image[] {
  const db = store.open(options);
  const images = [store.image()];
  db.put("first", "value");
  images.push(store.image());
  busySession(db);
  images.push(store.image());
  db.close();
  images.push(store.image());
  const again = store.open(options);
  images.push(store.image());
  again.put("again", "value");
  again.flush();
  images.push(store.image());
  return images;
}

test("the same operations under other tags, ids and clocks give the same keys, others give others", () => {
  const images = life(new MemoryStore({ seed: 1 }));
  for (const seed of [2, 3, 99, 1234]) {
    const others = life(new MemoryStore({ seed, now: 1_800_000_000_000 + seed }));
    for (const [i, image] of images.entries()) {
      expect(bytesOf(image, "CURRENT")).toEqual(bytesOf(others[i]!, "CURRENT"));
      expect(rawLogs(image)).not.toEqual(rawLogs(others[i]!));
      expectEqual(image, others[i]!);
    }
  }
  for (const orphans of ORPHANS)
    expect(new Set(images.map((image) => canonicalizer.keyOf(image, ROOT, orphans))).size).toBe(images.length);
});

test("tags whose varints have another length move what lies behind them, and nothing else", () => {
  const sizes = new Set<number>();
  const keysOf = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const store = new MemoryStore({ seed });
    store.session(busySession);
    const image = store.image();
    sizes.add(bytesOf(image, namesWith(image, "MANIFEST")[0]!).length);
    keysOf.add(keys(image).join());
  }
  expect(sizes.size).toBeGreaterThan(1);
  expect(keysOf.size).toBe(1);
});

test("the same store under higher file numbers has the same key", () => {
  const reopened = [1, 2, 3].map((reopens) => {
    const store = new MemoryStore({ seed: reopens });
    for (let i = 0; i < reopens; i++) store.session(() => undefined);
    store.session(busySession);
    return store.image();
  });
  expect(new Set(reopened.map((image) => namesWith(image, "MANIFEST").join())).size).toBe(3);
  for (const image of reopened) expectEqual(image, reopened[0]!);
  const shifted = [5, 90, 1_000_000].map((by) => shiftedRemains(by));
  for (const image of shifted) expectEqual(image, shifted[0]!);
});

// An interrupted create leaves manifests alone, so that a create over them begins at any number that one likes.
function shiftedRemains(by: number): Image {
  const store = new MemoryStore({ seed: by });
  store.env.makeDirectory(ROOT);
  store.env.open(`${ROOT}/MANIFEST-${String(by).padStart(6, "0")}`, "wx").close();
  const db = store.open();
  busySession(db);
  db.close();
  const image = store.image();
  expect(Number(namesWith(image, "MANIFEST")[0]!.slice(9))).toBe(by + 1);
  expect(storeProblems(image, ROOT, { open: false })).toEqual([]);
  return image;
}

test("one byte of a value, a file, or a torn byte makes another key", () => {
  const session = (value: string): Image => {
    const store = new MemoryStore();
    store.session((db) => {
      busySession(db);
      db.put("value", value);
    });
    return store.image();
  };
  const image = session("value a");
  expectEqual(image, session("value a"));
  expectDifferent(image, session("value b"));
  for (const name of [...namesWith(image, ".sst"), ...namesWith(image, ".log"), ...namesWith(image, "MANIFEST")]) {
    expectDifferent(image, changed(image, { [name]: undefined }));
    const bytes = bytesOf(image, name);
    expectDifferent(image, changed(image, { [name]: bytes.subarray(0, -1) }));
    for (let offset = 0; offset < bytes.length; offset += 13)
      expectDifferent(image, changed(image, { [name]: flipped(bytes, offset, offset % 8) }));
  }
  expectDifferent(image, changed(image, { CURRENT: undefined }));
  expectDifferent(image, changed(image, { CURRENT: bytesOf(image, "CURRENT").subarray(1) }));
  expectDifferent(image, changed(image, { CURRENT: encodeCurrent(77) }));
});

test("torn bytes are told apart by what they are", () => {
  const store = new MemoryStore();
  store.session(busySession);
  const image = store.image();
  const [log] = namesWith(image, ".log");
  const bytes = bytesOf(image, log!);
  const seen = new Set<string>();
  let count = 0;
  for (let length = 0; length < bytes.length; length += 17) {
    for (const end of [Buffer.alloc(0), Buffer.alloc(9), Buffer.alloc(9, 1)]) {
      seen.add(keys(changed(image, { [log!]: Buffer.concat([bytes.subarray(0, length), end]) })).join());
      count++;
    }
  }
  // Cuts inside one run of zero bytes coincide.
  expect(seen.size).toBeGreaterThan(count * 0.9);
});

test("what is torn off the end of logs keeps its key under other tags where it verifies", () => {
  const torn = (seed: number): Image => {
    const store = new MemoryStore({ seed });
    const db = store.open();
    db.put("a", "x".repeat(900));
    db.put("b", "y".repeat(300));
    const image = store.image();
    const log = frameLog(bytesOf(image, "000002.log"), 2, "wal");
    const hole = Uint8Array.from(bytesOf(image, "000002.log"));
    hole.fill(0, log.records[0]!.offset, 512);
    return changed(image, { "000002.log": hole });
  };
  expectEqual(torn(1), torn(2));
});

test("LOCK contributes its presence, CURRENT.tmp nothing but its presence when orphans are counted", () => {
  const store = new MemoryStore();
  store.session(busySession);
  const image = store.image();
  expectEqual(image, changed(image, { LOCK: Buffer.from('{"pid":1}\n') }));
  const [a, b] = ["a", "b"].map((text) => keys(changed(image, { "CURRENT.tmp": Buffer.from(text) }))) as [
    string[],
    string[],
  ];
  expect([a[0] === b[0], a[1] === b[1]]).toEqual([false, true]);
  expect(a[1]).not.toBe(keys(image)[1]);
});

test("orphans are whole, or counted up to two a kind; files that are needed are never counted", () => {
  const store = new MemoryStore();
  store.session(busySession);
  const image = store.image();
  const [table, manifest, log] = [".sst", "MANIFEST", ".log"].map((part) => bytesOf(image, namesWith(image, part)[0]!));
  const rounds = [0, 1, 2, 3, 4].map((count) => {
    const orphans: Record<string, Uint8Array> = {};
    for (let i = 0; i < count; i++) {
      orphans[`00050${2 * i}.sst`] = table!;
      orphans[`MANIFEST-00050${2 * i + 1}`] = manifest!;
      orphans[`00000${i + 1}.log`] = log!.subarray(i);
    }
    return changed(image, orphans);
  });
  const [whole, counted] = ORPHANS.map((orphans) => rounds.map((image) => canonicalizer.keyOf(image, ROOT, orphans)));
  expect(new Set(whole).size).toBe(5);
  expect(new Set(counted).size).toBe(3);
  expect(new Set(counted!.slice(2)).size).toBe(1);
  const needed = changed(image, { "000999.log": new Uint8Array(100) });
  expect(keys(needed)[1]).not.toBe(keys(image)[1]);
});

test("without orphans both ways of treating them give the same key", () => {
  const store = new MemoryStore();
  store.session((db) => {
    db.put("a", "b");
    db.flush();
  });
  const image = store.image();
  expect(keys(image)[0]).toBe(keys(image)[1]);
  const [whole, counted] = keys(changed(image, { "000900.sst": new Uint8Array(3) }));
  expect(whole).not.toBe(counted);
});

test("the order of numbers is kept: an orphan before the live files is not one behind them", () => {
  const store = new MemoryStore();
  store.session(busySession);
  const image = store.image();
  const zeros = new Uint8Array(100);
  const [before, behind, further] = ["000001.sst", "000500.sst", "000700.sst"].map((name) =>
    keys(changed(image, { [name]: zeros })),
  ) as [string[], string[], string[]];
  expect(before[0]).not.toBe(behind[0]);
  expect(behind).toEqual(further);
  expect(before[1]).toBe(behind[1]);
});

test("which tags are equal is kept: a table of another life of its number is another store", () => {
  const store = (seed: number): Image => {
    const memory = new MemoryStore({ seed });
    memory.session(busySession);
    return memory.image();
  };
  const [a, b] = [store(1), store(2)];
  const name = namesWith(a, ".sst")[0]!;
  expect(frameTable(bytesOf(b, name)).problem).toBeUndefined();
  expectDifferent(a, changed(a, { [name]: bytesOf(b, name) }));
});

test("remains of a create are orphans; a lost CURRENT leaves raw bytes", () => {
  const store = new MemoryStore();
  store.env.makeDirectory(ROOT);
  const empty = store.image();
  const remains = [1, 2, 3].map((count) =>
    changed(
      empty,
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`MANIFEST-00000${i + 1}`, Buffer.alloc(i)])),
    ),
  );
  const counted = remains.map((image) => canonicalizer.keyOf(image, ROOT, "counted"));
  expect([counted[0] === counted[1], counted[1] === counted[2]]).toEqual([false, true]);
  expect(keys(changed(empty, { "000001.sst": Buffer.alloc(3) }))).not.toEqual(
    keys(changed(empty, { "000002.sst": Buffer.alloc(3) })),
  );
});

test("files outside the store, foreign ones and directories stay as they are", () => {
  const store = new MemoryStore();
  store.session(busySession);
  const image = store.image();
  const add = (path: string, text: string): Image =>
    makeImage([...image.files, [path, { id: -1, size: text.length, bytes: Buffer.from(text) }]], image.directories);
  expectDifferent(image, add("/d/other", "a"));
  expectDifferent(add("/d/other", "a"), add("/d/other", "b"));
  expectDifferent(add("/d/other", "a"), add("/d/another", "a"));
  expectDifferent(add(`${ROOT}/7.log`, "a"), add(`${ROOT}/8.log`, "a"));
  expectDifferent(add(`${ROOT}/lost/000001.log-8`, "a"), add(`${ROOT}/lost/000001.log-9`, "a"));
  expectDifferent(image, makeImage(image.files, [...image.directories, `${ROOT}/lost`]));
});
