import { fileURLToPath } from "node:url";
import { open, type Database } from "tinykv";
import { envContract, NodeEnv, type Env, type FileHandle } from "tinykv/env";
import { expect, test } from "vitest";
import { ImageEnv } from "./image-env.ts";
import { ContentStore } from "./image.ts";
import { RecordingEnv } from "./recording-env.ts";
import { put, Recorded, textAt } from "./recording.test-support.ts";
import { traceHash } from "./trace-file.ts";
import type { CallKind, TraceEvent } from "./trace.ts";

for (const shortCounts of [false, true]) {
  for (const { name, run } of envContract) {
    test(`over ${shortCounts ? "short counts" : "an ImageEnv"}: ${name}`, async () => {
      const recorded = new Recorded(new ImageEnv(undefined, { shortCounts }));
      recorded.env.makeDirectory("/case");
      await run(recorded.env, "/case");
      expect(recorded.env.openFiles).toBe(0);
    });
  }
}

// One call of each method, and the kinds it is recorded as. A method that these types do not have fails to compile.

const envCalls: Record<Exclude<keyof Env, "worker">, { call: (env: Env) => unknown; kinds: CallKind[] }> = {
  open: { call: (env) => env.open("/new", "wx"), kinds: ["open"] },
  readDirectory: { call: (env) => env.readDirectory("/d"), kinds: ["readDirectory"] },
  makeDirectory: { call: (env) => env.makeDirectory("/new"), kinds: ["makeDirectory"] },
  removeDirectory: { call: (env) => env.removeDirectory("/d"), kinds: ["removeDirectory"] },
  stat: { call: (env) => env.stat("/a"), kinds: ["stat"] },
  rename: { call: (env) => env.rename("/a", "/b"), kinds: ["rename"] },
  link: { call: (env) => env.link("/a", "/b"), kinds: ["link"] },
  unlink: { call: (env) => env.unlink("/a"), kinds: ["unlink"] },
  syncDirectory: { call: (env) => env.syncDirectory("/d", "log.directory"), kinds: ["syncDirectory"] },
  lock: { call: (env) => env.lock("/LOCK").release(), kinds: ["lock", "release"] },
  now: { call: (env) => env.now(), kinds: ["now"] },
  sleep: { call: (env) => env.sleep(5), kinds: ["sleep"] },
  randomBytes: { call: (env) => env.randomBytes(3), kinds: ["randomBytes"] },
};

const fileCalls: Record<keyof FileHandle, { call: (file: FileHandle) => unknown; kinds: CallKind[] }> = {
  read: { call: (file) => file.read(Buffer.alloc(2), 1), kinds: ["read"] },
  write: { call: (file) => file.write(Buffer.from("xy"), 1), kinds: ["write"] },
  sync: { call: (file) => file.sync("log.write"), kinds: ["sync"] },
  syncAsync: { call: (file) => file.syncAsync("log.write"), kinds: ["syncBegin", "syncEnd"] },
  truncate: { call: (file) => file.truncate(1), kinds: ["truncate"] },
  size: { call: (file) => file.size(), kinds: ["size"] },
  close: { call: (file) => file.close(), kinds: ["close"] },
};

function methodsOf(instance: object): string[] {
  const prototype = Object.getPrototypeOf(instance) as object;
  return Object.getOwnPropertyNames(prototype)
    .filter((name) => name !== "constructor")
    .sort();
}

function world(): Recorded {
  const disk = new ImageEnv();
  disk.makeDirectory("/d");
  put(disk, "/a", "alpha");
  return new Recorded(disk);
}

const kindsOf = (trace: readonly TraceEvent[]): string[] =>
  trace.map((event) => ("call" in event ? event.call : "mark"));

test("the calls that these tests make are all that an Env and its files have", () => {
  const node = new NodeEnv();
  const file = node.open(fileURLToPath(import.meta.url), "r");
  expect(Object.keys(envCalls).sort()).toEqual(methodsOf(node));
  expect(Object.keys(fileCalls).sort()).toEqual(methodsOf(file));
  file.close();
});

for (const [name, { call, kinds }] of Object.entries(envCalls)) {
  test(`Env.${name} is intercepted before and after`, () => {
    const recorded = world();
    call(recorded.env);
    expect(recorded.planned.map(({ call }) => call)).toEqual(kinds);
    expect(kindsOf(recorded.trace)).toEqual(kinds);
  });
}

for (const [name, { call, kinds }] of Object.entries(fileCalls)) {
  test(`FileHandle.${name} is intercepted before and after`, async () => {
    const recorded = world();
    await call(recorded.env.open("/a", "rw"));
    expect(recorded.planned.map(({ call }) => call)).toEqual(["open", ...kinds]);
    expect(kindsOf(recorded.trace)).toEqual(["open", ...kinds]);
  });
}

test("no kind of call is missing, and nothing runs in another thread", () => {
  const kinds = [...Object.values(envCalls), ...Object.values(fileCalls)].flatMap(({ kinds }) => kinds);
  const all: Record<CallKind, number> = Object.fromEntries(kinds.map((kind) => [kind, 1])) as Record<CallKind, number>;
  expect(Object.keys(all)).toHaveLength(22);
  const env: Env = new RecordingEnv(Object.assign(new ImageEnv(), { worker: new URL("file:///w") }), {});
  expect(env.worker).toBeUndefined();
});

test("without an interceptor's methods nothing is different", () => {
  const disk = new ImageEnv();
  const env = new RecordingEnv(disk, {});
  const file = env.open("/a", "wx");
  expect([file.write(Buffer.from("abc"), 0), file.size()]).toEqual([3, 3]);
  file.close();
  env.mark({ mark: "begin", op: 1 });
  expect(textAt(disk, "/a")).toBe("abc");
});

test("events say what was done, in the order it was done", async () => {
  const { env, trace } = world();
  env.mark({ mark: "begin", op: 3 });
  const file = env.open("/d/b", "wx");
  const buffer = Buffer.from("hello");
  file.write(buffer, 2);
  buffer.fill(0);
  expect(file.read(Buffer.alloc(10), 4)).toBe(3);
  const synced = file.syncAsync("flush.table");
  file.truncate(6);
  await synced;
  file.sync("log.write");
  file.close();
  env.open("/a", "r");
  env.link("/d/b", "/d/c");
  env.rename("/d/c", "/d/e");
  env.syncDirectory("/d", "log.directory");
  env.randomBytes(4);
  env.mark({ mark: "end", op: 3, acknowledged: true });
  expect(trace).toEqual([
    { mark: "begin", op: 3 },
    { call: "open", path: "/d/b", mode: "wx", file: 1 },
    { call: "write", file: 1, position: 2, bytes: new Uint8Array(Buffer.from("hello")) },
    { call: "read", file: 1, position: 4, count: 3 },
    { call: "syncBegin", file: 1, barrier: "flush.table", sync: 1 },
    { call: "truncate", file: 1, size: 6 },
    { call: "syncEnd", sync: 1 },
    { call: "sync", file: 1, barrier: "log.write" },
    { call: "close", file: 1 },
    { call: "open", path: "/a", mode: "r", file: 2 },
    { call: "link", from: "/d/b", to: "/d/c" },
    { call: "rename", from: "/d/c", to: "/d/e" },
    { call: "syncDirectory", path: "/d", barrier: "log.directory" },
    { call: "randomBytes", count: 4 },
    { mark: "end", op: 3, acknowledged: true },
  ]);
});

test("planned calls have their barrier for a name, the path of the file, and the bytes asked for", async () => {
  const { env, planned } = world();
  const file = env.open("/a", "rw");
  file.read(Buffer.alloc(9), 0);
  file.write(Buffer.alloc(4), 0);
  file.sync("log.write");
  await file.syncAsync("close.log");
  env.rename("/a", "/d/b");
  env.now();
  expect(planned).toEqual([
    { call: "open", name: "open", path: "/a" },
    { call: "read", name: "read", path: "/a", bytes: 9 },
    { call: "write", name: "write", path: "/a", bytes: 4 },
    { call: "sync", name: "log.write", path: "/a" },
    { call: "syncBegin", name: "close.log", path: "/a" },
    { call: "syncEnd", name: "syncEnd", path: "/a" },
    { call: "rename", name: "rename", path: "/d/b" },
    { call: "now", name: "now", path: "" },
  ]);
});

test("without keepBytes an event has the caller's buffer", () => {
  const seen: Uint8Array[] = [];
  const after = (event: TraceEvent): void => void ("bytes" in event && seen.push(event.bytes));
  const env = new RecordingEnv(new ImageEnv(), { after }, { keepBytes: false });
  const buffer = Buffer.from("abc");
  env.open("/a", "wx").write(buffer, 0);
  expect(seen[0]).toBe(buffer);
});

test("errors of the Env below are recorded and go to the caller unchanged", async () => {
  const recorded = world();
  const { env, disk } = recorded;
  const errors: unknown[] = [];
  const failing: [call: (env: Env) => unknown, code: string][] = [
    [(env) => env.open("/none", "r"), "ENOENT"],
    [(env) => env.open("/a", "wx"), "EEXIST"],
    [(env) => env.stat("/none"), "ENOENT"],
    [(env) => env.open("/a", "r").write(Buffer.from("x"), 0), "EBADF"],
    [(env) => env.open("/a", "r").read(Buffer.alloc(1), -1), "EINVAL"],
    [(env) => env.lock("/LOCK"), "TINYKV_LOCKED"],
  ];
  disk.lock("/LOCK");
  for (const [call, code] of failing) {
    for (const target of [disk, env]) {
      try {
        call(target);
        expect.unreachable();
      } catch (error) {
        errors.push(error);
      }
    }
    expect(recorded.last).toMatchObject({ error: code, applied: "none" });
    expect(errors.pop()).toEqual(errors.pop());
  }
  const file = env.open("/a", "r");
  file.close();
  await expect(file.syncAsync("log.write")).rejects.toMatchObject({ code: "EBADF" });
  expect(recorded.last).toEqual({ call: "syncEnd", sync: 1, error: "EBADF", applied: "none" });
  expect(() => file.close()).toThrow("EBADF");
  expect(env.openFiles).toBe(2);
});

test("an error without a code is recorded too", () => {
  const disk = Object.assign(new ImageEnv(), {
    now: () => {
      throw new TypeError("no clock");
    },
  });
  const recorded = new Recorded(disk);
  expect(() => recorded.env.now()).toThrow(TypeError);
  expect(recorded.last).toEqual({ call: "now", error: "UNKNOWN", applied: "none" });
});

test("what `before` throws goes to the caller, with nothing done and nothing recorded", async () => {
  for (const [kind, { call }] of [...Object.entries(envCalls), ...Object.entries(fileCalls)]) {
    const disk = world().disk;
    const before = disk.capture(new ContentStore()).key;
    const trace: TraceEvent[] = [];
    let armed = false;
    const env = new RecordingEnv(disk, {
      before: () => {
        if (armed) throw new Error("crash");
        return undefined;
      },
      after: (event) => trace.push(event),
    });
    const target = kind in envCalls ? env : env.open("/a", "rw");
    armed = true;
    await expect((async () => (call as (target: unknown) => unknown)(target))()).rejects.toThrow("crash");
    expect(trace).toHaveLength(kind in envCalls ? 0 : 1);
    expect(disk.capture(new ContentStore()).key).toBe(before);
  }
});

test("what `after` throws goes to the caller, with the call done", () => {
  const disk = new ImageEnv();
  const env = new RecordingEnv(disk, {
    after: () => {
      throw new Error("crash");
    },
  });
  expect(() => env.makeDirectory("/d")).toThrow("crash");
  expect(disk.readDirectory("/")).toEqual(["d"]);
  expect(() => env.stat("/none")).toThrow("crash");
});

test("short counts of the Env below are recorded as what was taken", () => {
  const recorded = new Recorded(new ImageEnv(undefined, { shortCounts: true }));
  const file = recorded.env.open("/a", "wx");
  expect(file.write(Buffer.from("abcdef"), 0)).toBe(3);
  const bytes = new Uint8Array(Buffer.from("abc"));
  expect(recorded.last).toEqual({ call: "write", file: 1, position: 0, bytes, applied: "part" });
});

// An engine on top.

const OPTIONS = {
  writeBufferSize: 2 << 10,
  blockSize: 128,
  targetFileSize: 2 << 10,
  maxBytesForLevelBase: 4 << 10,
  maxOpenFiles: 2,
  maxManifestFileSize: 512,
  sync: false,
};

function runEngine(env: Env): string[] {
  env.makeDirectory("/d");
  let db: Database = open("/d/store", { ...OPTIONS, env });
  for (let i = 0; i < 300; i++) {
    const key = `key${(i * 37) % 50}`;
    if (i % 7 === 3) db.delete(key, { sync: i % 2 === 0 });
    else db.put(key, `value ${i} `.repeat(1 + (i % 9)), { sync: i % 5 === 0 });
    if (i % 60 === 59) db.flush();
    if (i !== 150) continue;
    db.close();
    db = open("/d/store", { ...OPTIONS, env });
  }
  const entries = [...db.iterate()].map(([key, value]) => `${key}=${value}`);
  db.close();
  return entries;
}

test("the same run does the same I/O, bit for bit; another seed of the disk another", () => {
  const hashes = [1, 1, 2].map((seed) => {
    const recorded = new Recorded(new ImageEnv(undefined, { seed }));
    runEngine(recorded.env);
    expect(recorded.trace.length).toBeGreaterThan(1000);
    expect(recorded.env.openFiles).toBe(0);
    return traceHash(recorded.trace);
  });
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(hashes[2]);
});

test("a recorded run is the run without the recorder", () => {
  const contents = new ContentStore();
  const [bare, recorded] = [new ImageEnv(), new Recorded()];
  const entries = runEngine(bare);
  expect(entries.length).toBeGreaterThan(20);
  expect(runEngine(recorded.env)).toEqual(entries);
  expect(recorded.disk.capture(contents).key).toBe(bare.capture(contents).key);
});

test("a store opened on a captured image holds what it held", () => {
  const disk = new ImageEnv();
  const entries = runEngine(disk);
  const db = open("/d/store", { env: new ImageEnv(disk.capture(new ContentStore())), createIfMissing: false });
  expect([...db.iterate()].map(([key, value]) => `${key}=${value}`)).toEqual(entries);
  db.close();
});
