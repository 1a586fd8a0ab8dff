// G1, G4 to G7 for writes that return promises: durable when they resolve, in the order of their calls, all or nothing.

import { expect, test } from "vitest";
import { TinyKVError } from "../common/errors.ts";
import { WriteBatch } from "../memtable/write-batch.ts";
import { MemoryEnv } from "../util/memory-env.ts";
import { open, type Database } from "./database.ts";
import { FaultyEnv, type Call } from "./faulty-env.test-support.ts";
import type { Options } from "./options.ts";

const PATH = "/db";

/** A world in which an asynchronous sync ends when the test says so. */
class World {
  readonly memory = new MemoryEnv({ seed: 5 });
  readonly env = new FaultyEnv(this.memory);
  readonly #held: (() => void)[] = [];

  hold(): void {
    this.env.holdSyncAsync = () => new Promise((resolve) => this.#held.push(resolve));
  }

  /** Lets the oldest sync that is held go on. */
  async release(): Promise<void> {
    await turn();
    expect(this.#held.length).toBeGreaterThan(0);
    this.#held.shift()!();
    await turn();
  }

  get held(): number {
    return this.#held.length;
  }

  open(options: Options = {}): Database {
    const db = open(PATH, { env: this.env, background: "manual", ...options });
    this.env.calls = [];
    return db;
  }

  count(kind: Call["kind"], file = /\.log$/): number {
    return this.env.calls.filter((call) => call.kind === kind && file.test(call.file)).length;
  }
}

/** Long enough for everything that waits for nothing. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** What became of promises so far, in the order in which it happened. */
function watch(promises: Record<string, Promise<void>>): string[] {
  const log: string[] = [];
  for (const [name, promise] of Object.entries(promises)) {
    promise.then(
      () => log.push(name),
      (error: unknown) => log.push(`${name}: ${(error as TinyKVError).code}`),
    );
  }
  return log;
}

test("the calls of one turn share one write and one sync", async () => {
  const world = new World();
  const db = world.open();
  await Promise.all(Array.from({ length: 64 }, (_, i) => db.putAsync(`k${i}`, `v${i}`)));
  expect([world.count("write"), world.count("syncAsync"), world.count("sync")]).toEqual([1, 1, 0]);
  expect([...db.iterate()]).toHaveLength(64);
  const again = open(PATH, { env: copyOf(world), readOnly: true });
  expect([...again.iterate()]).toHaveLength(64);
  again.close();
  db.close();
});

test("callers that call again as soon as they are served come in one group again, however deep their calls", async () => {
  const world = new World();
  const db = world.open();
  const put = async (key: string): Promise<void> => {
    await (async () => await db.putAsync(key, "v"))();
  };
  await Promise.all(
    Array.from({ length: 10 }, async (_, writer) => {
      for (let i = 0; i < 20; i++) await put(`${writer}-${i}`);
    }),
  );
  expect(world.count("syncAsync")).toBe(20);
  db.close();
});

test("nothing is visible and nobody is told before the sync is done; what comes meanwhile is the next group", async () => {
  const world = new World();
  const db = world.open();
  world.hold();
  const log = watch({ a: db.putAsync("a", "1"), b: db.putAsync("b", "1") });
  await turn();
  watch({ c: db.deleteAsync("a") }).push = (...items) => log.push(...items);
  await turn();
  expect([db.get("a"), log, world.held, world.count("write")]).toEqual([undefined, [], 1, 1]);
  await world.release();
  expect([db.get("a")?.toString(), log, world.held, world.count("write")]).toEqual(["1", ["a", "b"], 1, 2]);
  await world.release();
  expect([db.get("a"), log]).toEqual([undefined, ["a", "b", "c"]]);
  db.close();
});

test("a write that does not wait for power loss resolves without a sync, unless it stands behind one that does", async () => {
  const world = new World();
  const db = world.open();
  world.hold();
  const relaxed = { sync: false };
  const log = watch({
    a: db.putAsync("a", "1", relaxed),
    b: db.putAsync("b", "1"),
    c: db.putAsync("c", "1", relaxed),
  });
  await turn();
  expect([log, db.has("a"), db.has("b"), db.has("c"), world.count("write")]).toEqual([["a"], true, false, false, 1]);
  await world.release();
  expect(log).toEqual(["a", "b", "c"]);
  db.close();
});

test.each(["put", "flush", "sync", "checkpoint", "compactRange", "close"] as const)(
  "a synchronous %s that comes meanwhile completes everything before it, in order, with its own sync",
  async (call) => {
    const world = new World();
    const db = world.open();
    world.hold();
    const written = { a: db.putAsync("k", "first"), b: db.putAsync("a", "1") };
    await turn();
    const queued = { c: db.putAsync("k", "second") };
    const log = watch({ ...written, ...queued });
    expect(world.count("sync")).toBe(0);
    if (call === "put") db.put("k", "third");
    else if (call === "checkpoint") db.checkpoint("/copy");
    else db[call]();
    expect(world.count("sync")).toBeGreaterThan(0);
    if (call === "put") {
      // One append for what was queued and for its own, one sync for all.
      expect([world.count("write"), world.count("sync")]).toEqual([2, 1]);
    }
    if (call !== "close") expect(db.get("k")?.toString()).toBe(call === "put" ? "third" : "second");
    await turn();
    expect(log).toEqual(["a", "b", "c"]);
    await world.release();
    expect(db.lastError).toBeUndefined();
    db.close();
    const again = open(call === "checkpoint" ? "/copy" : PATH, { env: world.memory });
    expect(again.get("k")?.toString()).toBe(call === "put" ? "third" : "second");
    again.close();
  },
);

test("a group whose append fails is rejected whole; nothing of it is visible, after resume() and reopening neither", async () => {
  const world = new World();
  const db = world.open();
  db.put("before", "1");
  world.env.fail(({ kind, file }) => kind === "write" && file.endsWith(".log"), "ENOSPC");
  const log = watch({ a: db.putAsync("a", "1"), b: db.putAsync("b", "1", { sync: false }) });
  await turn();
  expect(log).toEqual(["a: TINYKV_NO_SPACE", "b: TINYKV_NO_SPACE"]);
  await expect(db.putAsync("c", "1")).rejects.toMatchObject({ code: "TINYKV_BACKGROUND_ERROR" });
  world.env.heal();
  db.resume();
  await db.putAsync("d", "1");
  expect([...db.iterate()].map(([key]) => key.toString())).toEqual(["before", "d"]);
  db.close();
  const again = open(PATH, { env: world.memory });
  expect([...again.iterate()].map(([key]) => key.toString())).toEqual(["before", "d"]);
  again.close();
});

test("C20: a group whose sync fails is rejected, what waits too, and the log is never synced again", async () => {
  const world = new World();
  const db = world.open();
  world.hold();
  world.env.fail(({ kind }) => kind === "syncAsync", "EIO");
  const log = watch({ a: db.putAsync("a", "1"), b: db.putAsync("b", "1") });
  await turn();
  const late = watch({ c: db.putAsync("c", "1") });
  await world.release();
  expect(log).toEqual(["a: TINYKV_IO_ERROR", "b: TINYKV_IO_ERROR"]);
  expect(late).toEqual(["c: TINYKV_BACKGROUND_ERROR"]);
  expect(db.get("a")).toBeUndefined();
  expect(() => db.put("d", "1")).toThrow(TinyKVError);
  expect(() => db.resume()).toThrow(TinyKVError);
  db.close();
  expect([world.count("syncAsync"), world.count("sync")]).toEqual([1, 0]);
});

test("an asynchronous sync that fails after somebody else's has completed its group stops the store all the same", async () => {
  const world = new World();
  const db = world.open();
  world.hold();
  world.env.fail(({ kind }) => kind === "syncAsync", "EIO");
  const log = watch({ a: db.putAsync("a", "1") });
  await turn();
  db.sync();
  await turn();
  expect(log).toEqual(["a"]);
  await world.release();
  expect(() => db.put("b", "1")).toThrow(expect.objectContaining({ code: "TINYKV_BACKGROUND_ERROR" }));
  expect(db.get("a")?.toString()).toBe("1");
  db.close();
});

test("an append that fails behind a group under way rejects that group too: its log can not be made durable any more", async () => {
  const world = new World();
  const db = world.open();
  world.hold();
  const log = watch({ a: db.putAsync("a", "1") });
  await turn();
  world.env.fail(({ kind, file }) => kind === "write" && file.endsWith(".log"), "EIO");
  expect(() => db.put("b", "1")).toThrow(expect.objectContaining({ code: "TINYKV_IO_ERROR" }));
  await turn();
  expect(log).toEqual(["a: TINYKV_IO_ERROR"]);
  expect(db.get("a")).toBeUndefined();
  await world.release();
  world.env.heal();
  db.resume();
  expect([...db.iterate()]).toEqual([]);
  db.close();
});

test("groups go on over memtables and logs: what does not fit beside a group waits for it", async () => {
  const world = new World();
  const db = world.open({ background: "inline", writeBufferSize: 4 << 10, maxWriteBufferNumber: 2 });
  const value = "v".repeat(300);
  const written = Array.from({ length: 100 }, (_, i) => db.putAsync(`k${i + 100}`, value));
  const batch = new WriteBatch();
  for (let i = 0; i < 40; i++) batch.put(`large${i + 100}`, value);
  written.push(db.writeAsync(batch));
  await Promise.all(written);
  expect([...db.iterate()]).toHaveLength(140);
  expect(db.stats().flushes).toBeGreaterThan(5);
  expect([db.find("k100")[0]?.sequence, db.find("large139")[0]?.sequence]).toEqual([1, 140]);
  db.close();
  const again = open(PATH, { env: world.memory });
  expect([...again.iterate()]).toHaveLength(140);
  again.close();
});

test("a write that would stall under noSlowdown is rejected alone, with nothing written", async () => {
  const world = new World();
  const db = world.open({ writeBufferSize: 2 << 10, maxWriteBufferNumber: 2, noSlowdown: true });
  const value = "v".repeat(500);
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => db.putAsync(`k${i}`, value)));
  const refused = outcomes.filter(({ status }) => status === "rejected");
  expect(refused.length).toBeGreaterThan(0);
  for (const { reason } of refused as PromiseRejectedResult[]) expect(reason).toMatchObject({ code: "TINYKV_STALLED" });
  expect([...db.iterate()]).toHaveLength(20 - refused.length);
  db.flush();
  await db.putAsync("again", value);
  db.close();
});

test("what is passed may change once the call has returned", async () => {
  const world = new World();
  const db = world.open();
  const value = Buffer.from("first");
  const batch = new WriteBatch().put("b", value);
  const written = [db.putAsync("a", value), db.writeAsync(batch)];
  value.write("other");
  batch.clear();
  batch.put("c", "x");
  await Promise.all(written);
  expect([db.get("a")?.toString(), db.get("b")?.toString(), db.get("c")]).toEqual(["first", "first", undefined]);
  db.close();
});

test("what put() throws is a rejection", async () => {
  const world = new World();
  const db = world.open();
  await expect(db.putAsync(1 as never, "v")).rejects.toMatchObject({ code: "TINYKV_INVALID_ARGUMENT" });
  await expect(db.writeAsync({} as never)).rejects.toMatchObject({ code: "TINYKV_INVALID_ARGUMENT" });
  db.close();
  await expect(db.deleteAsync("k")).rejects.toMatchObject({ code: "TINYKV_CLOSED" });
  const reader = open(PATH, { env: world.memory, readOnly: true });
  await expect(reader.putAsync("k", "v")).rejects.toMatchObject({ code: "TINYKV_READ_ONLY" });
  reader.close();
});

test("a caller that never waits does not fill the memory: beyond a memtable's bytes the call itself writes", async () => {
  const world = new World();
  const db = world.open({ background: "inline", writeBufferSize: 1 << 20 });
  const value = Buffer.alloc(100 << 10);
  const written = Array.from({ length: 50 }, (_, i) => db.putAsync(`k${i}`, value));
  expect(db.get("k8")).toEqual(value);
  await Promise.all(written);
  db.close();
});

test("without a second descriptor for the log the group is synced like any other write", async () => {
  const world = new World();
  const db = world.open();
  world.env.fail(({ kind, mode }) => kind === "open" && mode === "rw", "EMFILE");
  await Promise.all([db.putAsync("a", "1"), db.putAsync("b", "1")]);
  expect([world.count("sync"), world.count("syncAsync"), db.lastError]).toEqual([1, 0, undefined]);
  db.close();
});

test("an empty batch waits for what was called before it, and makes it durable if asked to", async () => {
  const world = new World();
  const db = world.open();
  const log = watch({ a: db.putAsync("a", "1", { sync: false }), b: db.writeAsync(new WriteBatch()) });
  await turn();
  expect([log, world.count("syncAsync")]).toEqual([["a", "b"], 1]);
  db.close();
});

function copyOf({ memory }: World): MemoryEnv {
  const copy = new MemoryEnv();
  copy.makeDirectory(PATH);
  for (const name of memory.readDirectory(PATH)) {
    if (name === "LOCK") continue;
    const source = memory.open(`${PATH}/${name}`, "r");
    const bytes = Buffer.alloc(source.size());
    for (let at = 0; at < bytes.length;) at += source.read(bytes.subarray(at), at);
    source.close();
    const target = copy.open(`${PATH}/${name}`, "wx");
    for (let at = 0; at < bytes.length;) at += target.write(bytes.subarray(at), at);
    target.close();
  }
  return copy;
}
