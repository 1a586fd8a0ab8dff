// What each outcome of a fault does to each call.

import type { Env, FileHandle } from "tinykv/env";
import { expect, test } from "vitest";
import type { Fault } from "./recording-env.ts";
import { messageOf, put, Recorded, textAt } from "./recording.test-support.ts";
import { ImageEnv } from "./image-env.ts";

const OUTCOMES: readonly Fault["outcome"][] = ["none", "part", "whole", "short"];

function world(): Recorded {
  const disk = new ImageEnv();
  disk.makeDirectory("/d");
  disk.makeDirectory("/empty");
  put(disk, "/d/a", "alpha");
  put(disk, "/d/b", "beta");
  return new Recorded(disk);
}

/** Makes a call whose first planned call of that kind fails. */
function failOnce(recorded: Recorded, kind: string, outcome: Fault["outcome"], call: () => unknown): string {
  recorded.plan((planned) => planned.call === kind, { outcome, error: "EIO" });
  return messageOf(call);
}

function names(env: Env): string {
  return env.readDirectory("/d").sort().join(" ");
}

// [outcome, length, bytes taken, applied]
const MOVES: readonly (readonly [Fault["outcome"], number, number, string | undefined])[] = [
  ["none", 5, 0, "none"],
  ["part", 5, 2, "part"],
  ["part", 2, 1, "part"],
  ["part", 1, 0, "none"],
  ["part", 0, 0, "none"],
  ["whole", 5, 5, "whole"],
  ["whole", 1, 1, "whole"],
  ["short", 5, 2, "part"],
  ["short", 2, 1, "part"],
  ["short", 1, 1, undefined],
  ["short", 0, 0, undefined],
];

for (const [outcome, length, taken, applied] of MOVES) {
  test(`a write of ${length} bytes that fails ${outcome} has taken ${taken}`, () => {
    const recorded = world();
    const file = recorded.env.open("/d/a", "rw");
    const bytes = Buffer.from("VWXYZ".slice(0, length));
    let count: number | undefined;
    const message = failOnce(recorded, "write", outcome, () => (count = file.write(bytes, 0)));
    expect(message).toBe(outcome === "short" ? "" : "EIO: i/o error, write");
    expect(count).toBe(outcome === "short" ? taken : undefined);
    expect(textAt(recorded.disk, "/d/a")).toBe("VWXYZ".slice(0, taken) + "alpha".slice(taken));
    const ended = { ...(outcome !== "short" && { error: "EIO" }), ...(applied && { applied }) };
    const written = new Uint8Array(bytes.subarray(0, taken));
    expect(recorded.last).toEqual({ call: "write", file: 1, position: 0, bytes: written, ...ended });
  });

  test(`a read of ${length} bytes that fails ${outcome} has read ${taken}`, () => {
    const recorded = world();
    const file = recorded.env.open("/d/a", "r");
    const buffer = Buffer.from(".....".slice(0, length));
    let count: number | undefined;
    const message = failOnce(recorded, "read", outcome, () => (count = file.read(buffer, 0)));
    expect(message).toBe(outcome === "short" ? "" : "EIO: i/o error, read");
    expect(count).toBe(outcome === "short" ? taken : undefined);
    expect(buffer.toString()).toBe("alpha".slice(0, taken) + ".....".slice(taken, length));
    const ended = outcome === "short" ? {} : { error: "EIO", applied };
    expect(recorded.last).toEqual({ call: "read", file: 1, position: 0, count: taken, ...ended });
  });
}

interface Change {
  readonly make: (env: Env) => unknown;
  readonly message: string;
  /** The names in /d afterwards, if it was done. */
  readonly done: string;
}

const CHANGES: Record<string, Change> = {
  rename: { make: (env) => env.rename("/d/a", "/d/c"), message: "rename '/d/a' -> '/d/c'", done: "b c" },
  link: { make: (env) => env.link("/d/a", "/d/c"), message: "link '/d/a' -> '/d/c'", done: "a b c" },
  unlink: { make: (env) => env.unlink("/d/a"), message: "unlink '/d/a'", done: "b" },
  makeDirectory: { make: (env) => env.makeDirectory("/d/c"), message: "mkdir '/d/c'", done: "a b c" },
  removeDirectory: { make: (env) => env.removeDirectory("/empty"), message: "rmdir '/empty'", done: "a b" },
  open: { make: (env) => env.open("/d/c", "wx"), message: "open '/d/c'", done: "a b c" },
  lock: { make: (env) => env.lock("/d/LOCK"), message: "lock '/d/LOCK'", done: "LOCK a b" },
};

for (const [kind, { make, message, done }] of Object.entries(CHANGES)) {
  test(`${kind}: none and part do nothing and throw, whole does it and throws, short is no fault`, () => {
    for (const outcome of OUTCOMES) {
      const recorded = world();
      const thrown = failOnce(recorded, kind, outcome, () => make(recorded.env));
      const isDone = outcome === "whole" || outcome === "short";
      expect(thrown).toBe(outcome === "short" ? "" : `EIO: i/o error, ${message}`);
      expect(names(recorded.disk)).toBe(isDone ? done : "a b");
      expect(recorded.disk.readDirectory("/").includes("empty")).toBe(kind !== "removeDirectory" || !isDone);
      const { error, applied } = recorded.last;
      expect(recorded.last.call).toBe(kind);
      if (outcome === "short") expect([error, applied]).toEqual([undefined, undefined]);
      else expect([error, applied]).toEqual(["EIO", outcome === "whole" ? "whole" : "none"]);
      expect(recorded.trace).toHaveLength(1);
    }
  });
}

test("an open that fails after all leaves no descriptor, and its number is no other file's", () => {
  const recorded = world();
  let closed = 0;
  const { disk, env } = recorded;
  const open = disk.open.bind(disk);
  disk.open = (path, mode) => {
    const file = open(path, mode);
    const close = file.close.bind(file);
    return Object.assign(file, { close: () => (closed++, close()) });
  };
  failOnce(recorded, "open", "whole", () => env.open("/d/c", "wx"));
  expect([env.openFiles, closed]).toEqual([0, 1]);
  env.open("/d/c", "r");
  expect(recorded.trace).toEqual([
    { call: "open", path: "/d/c", mode: "wx", file: 1, error: "EIO", applied: "whole" },
    { call: "open", path: "/d/c", mode: "r", file: 2 },
  ]);
});

test("a lock that fails after all is not held", () => {
  const recorded = world();
  failOnce(recorded, "lock", "whole", () => recorded.env.lock("/d/LOCK"));
  recorded.env.lock("/d/LOCK").release();
});

test("a release that fails has or has not given the lock back", () => {
  for (const outcome of ["none", "whole"] as const) {
    const recorded = world();
    const lock = recorded.env.lock("/d/LOCK");
    expect(failOnce(recorded, "release", outcome, () => lock.release())).toBe("EIO: i/o error, unlock '/d/LOCK'");
    expect(messageOf(() => recorded.env.lock("/d/LOCK"))).toBe(
      outcome === "whole" ? "" : `/d/LOCK is held by process ${process.pid}, this one`,
    );
  }
});

test("a close that fails has closed all the same, once", () => {
  for (const outcome of ["none", "part", "whole"] as const) {
    const recorded = world();
    const file = recorded.env.open("/d/a", "r");
    expect(failOnce(recorded, "close", outcome, () => file.close())).toBe("EIO: i/o error, close");
    expect(recorded.last).toEqual({ call: "close", file: 1, error: "EIO", applied: "whole" });
    expect(recorded.env.openFiles).toBe(0);
    expect(messageOf(() => file.size())).toContain("EBADF");
    expect(messageOf(() => file.close())).toContain("EBADF");
    expect(recorded.env.openFiles).toBe(0);
  }
});

test("truncate and size fail as calls without bytes do", () => {
  for (const outcome of OUTCOMES) {
    const recorded = world();
    const file = recorded.env.open("/d/a", "rw");
    const message = failOnce(recorded, "truncate", outcome, () => file.truncate(2));
    expect(message).toBe(outcome === "short" ? "" : "EIO: i/o error, ftruncate");
    expect(textAt(recorded.disk, "/d/a")).toBe(outcome === "whole" || outcome === "short" ? "al" : "alpha");
    const sized = failOnce(recorded, "size", outcome, () => file.size());
    expect(sized).toBe(outcome === "short" ? "" : "EIO: i/o error, fstat");
  }
});

/** The barriers of the syncs that reach the Env below. */
function watchSyncs(recorded: Recorded): string[] {
  const reached: string[] = [];
  const { disk } = recorded;
  const open = disk.open.bind(disk);
  disk.syncDirectory = (_, barrier) => void reached.push(barrier);
  disk.open = (path, mode) => {
    const watched: Partial<FileHandle> = {
      sync: (barrier) => void reached.push(barrier),
      syncAsync: async (barrier) => void reached.push(barrier),
    };
    return Object.assign(open(path, mode), watched);
  };
  return reached;
}

test("a sync that fails says what it may have made durable, and reaches the Env below only as a whole", async () => {
  for (const outcome of OUTCOMES) {
    const recorded = world();
    const reached = watchSyncs(recorded);
    const file = recorded.env.open("/d/a", "rw");
    const isDone = outcome === "whole" || outcome === "short";
    const ended = outcome === "short" ? {} : { error: "EIO", applied: outcome };

    const message = failOnce(recorded, "sync", outcome, () => file.sync("log.write"));
    expect(message).toBe(outcome === "short" ? "" : "EIO: i/o error, fdatasync");
    expect(recorded.last).toEqual({ call: "sync", file: 1, barrier: "log.write", ...ended });

    const folder = failOnce(recorded, "syncDirectory", outcome, () =>
      recorded.env.syncDirectory("/d", "log.directory"),
    );
    expect(folder).toBe(outcome === "short" ? "" : "EIO: i/o error, fsync '/d'");
    expect(recorded.last).toEqual({ call: "syncDirectory", path: "/d", barrier: "log.directory", ...ended });

    recorded.plan(({ name }) => name === "close.log", { outcome, error: "EIO" });
    const synced = file.syncAsync("close.log");
    expect(recorded.last).toEqual({ call: "syncBegin", file: 1, barrier: "close.log", sync: 1 });
    if (outcome === "short") await synced;
    else await expect(synced).rejects.toMatchObject({ code: "EIO", message: "EIO: i/o error, fdatasync" });
    expect(recorded.last).toEqual({ call: "syncEnd", sync: 1, ...ended });

    expect(reached).toEqual(isDone ? ["log.write", "log.directory", "close.log"] : []);
  }
});

test("a syncAsync can also be made to fail at its end", async () => {
  const recorded = world();
  const reached = watchSyncs(recorded);
  const file = recorded.env.open("/d/a", "rw");
  recorded.plan(({ call }) => call === "syncEnd", { outcome: "part", error: "ENOSPC" });
  await expect(file.syncAsync("close.log")).rejects.toMatchObject({ code: "ENOSPC" });
  expect(recorded.last).toEqual({ call: "syncEnd", sync: 1, error: "ENOSPC", applied: "part" });
  expect(reached).toEqual(["close.log"]);
});

test("calls that only ask fail too: stat, readDirectory, now, sleep, randomBytes", () => {
  const asking: Record<string, [call: (env: Env) => unknown, where: string]> = {
    stat: [(env) => env.stat("/d/a"), "lstat '/d/a'"],
    readDirectory: [(env) => env.readDirectory("/d"), "scandir '/d'"],
    now: [(env) => env.now(), "now"],
    sleep: [(env) => env.sleep(1), "sleep"],
    randomBytes: [(env) => env.randomBytes(1), "getrandom"],
  };
  for (const [kind, [call, where]] of Object.entries(asking)) {
    for (const outcome of ["none", "part", "whole"] as const) {
      const recorded = world();
      expect(failOnce(recorded, kind, outcome, () => call(recorded.env))).toBe(`EIO: i/o error, ${where}`);
      expect(recorded.last).toMatchObject({ call: kind, error: "EIO" });
    }
  }
});

test("a fault on a call that the Env below refuses anyway: the refusal is what happened", () => {
  const recorded = world();
  expect(failOnce(recorded, "unlink", "whole", () => recorded.env.unlink("/d/none"))).toContain("ENOENT");
  expect(recorded.last).toEqual({ call: "unlink", path: "/d/none", error: "ENOENT", applied: "none" });
  const file = recorded.env.open("/d/a", "r");
  expect(failOnce(recorded, "write", "part", () => file.write(Buffer.from("xy"), 0))).toContain("EBADF");
  expect(recorded.last).toMatchObject({ call: "write", error: "EBADF", applied: "none", bytes: new Uint8Array(0) });
});

test("a whole write over an Env that takes less is recorded as the part it was", () => {
  const recorded = new Recorded(new ImageEnv(undefined, { shortCounts: true }));
  const file = recorded.env.open("/a", "wx");
  expect(failOnce(recorded, "write", "whole", () => file.write(Buffer.from("abcd"), 0))).toContain("EIO");
  expect(recorded.last).toMatchObject({ error: "EIO", applied: "part", bytes: new Uint8Array(Buffer.from("ab")) });
  expect(textAt(recorded.disk, "/a")).toBe("ab");
});

test("an errno without a known meaning is an error all the same", () => {
  const recorded = world();
  recorded.plan(() => true, { outcome: "none", error: "EXOTIC" });
  expect(messageOf(() => recorded.env.now())).toBe("EXOTIC: unknown error, now");
});
