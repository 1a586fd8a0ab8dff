import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { CheckedEnv } from "./checked-env.ts";
import { envContract } from "./env-contract.ts";
import type { Env, FileHandle } from "./env.ts";
import { MemoryEnv } from "./memory-env.ts";
import { NodeEnv } from "./node-env.ts";

const temporary = mkdtempSync(join(tmpdir(), "tinykv-contract-"));
afterAll(() => rmSync(temporary, { recursive: true }));

interface Subject {
  readonly name: string;
  /** The directory where the cases may make theirs. */
  readonly root: string;
  readonly make: () => Env;
}

const subjects: Subject[] = [
  { name: "NodeEnv", root: temporary, make: () => new NodeEnv() },
  { name: "MemoryEnv", root: "/", make: () => new MemoryEnv() },
  { name: "MemoryEnv, short counts", root: ".", make: () => new MemoryEnv({ shortCounts: true }) },
  { name: "CheckedEnv of NodeEnv", root: temporary, make: () => new CheckedEnv(new NodeEnv()) },
  { name: "CheckedEnv of MemoryEnv", root: "/", make: () => new CheckedEnv(new MemoryEnv()) },
];

let directories = 0;

for (const { name: subject, root, make } of subjects) {
  for (const { name, run } of envContract) {
    test(`${subject}: ${name}`, async () => {
      const env = make();
      const directory = join(root, `case-${directories++}`);
      env.makeDirectory(directory);
      await run(env, directory);
      expect(env instanceof CheckedEnv ? env.openFiles : 0).toBe(0);
    });
  }
}

test("the cases have different names", () => {
  expect(new Set(envContract.map(({ name }) => name)).size).toBe(envContract.length);
});

// The suite is tested by planting one fault at a time into an Env that keeps the contract: some case must fail.

class FaultyFile implements FileHandle {
  readonly file: FileHandle;
  constructor(file: FileHandle) {
    this.file = file;
  }
  read(buffer: Uint8Array, position: number): number {
    return this.file.read(buffer, position);
  }
  write(buffer: Uint8Array, position: number): number {
    return this.file.write(buffer, position);
  }
  sync(): void {
    this.file.sync("log.write");
  }
  syncAsync(): Promise<void> {
    return this.file.syncAsync("log.write");
  }
  truncate(size: number): void {
    this.file.truncate(size);
  }
  size(): number {
    return this.file.size();
  }
  close(): void {
    this.file.close();
  }
}

type FileFault = (file: FaultyFile, inner: FileHandle) => Partial<FileHandle>;
type EnvFault = (env: MemoryEnv) => Partial<Env>;

function withFileFault(fault: FileFault): EnvFault {
  return (env) => {
    const open = env.open.bind(env);
    return {
      open(path, mode) {
        const inner = open(path, mode);
        const faulty = new FaultyFile(inner);
        return Object.assign(faulty, fault(faulty, inner));
      },
    };
  };
}

const fileFaults: Record<string, FileFault> = {
  "reads fill the rest of the buffer": (_, inner) => ({
    read: (buffer, position) => {
      const count = inner.read(buffer, position);
      buffer.fill(0, count);
      return count;
    },
  }),
  "reads at the end return what was asked": (_, inner) => ({
    read: (buffer, position) => inner.read(buffer, position) || Math.min(buffer.length, 1),
  }),
  "reads ignore the view's offset": (_, inner) => ({
    read: (buffer, position) => inner.read(new Uint8Array(buffer.buffer, 0, buffer.length), position),
  }),
  "writes ignore their position": (_, inner) => ({ write: (buffer) => inner.write(buffer, inner.size()) }),
  "writes cut the file behind them": (_, inner) => ({
    write: (buffer, position) => {
      const count = inner.write(buffer, position);
      inner.truncate(position + count);
      return count;
    },
  }),
  "an empty write extends the file": (_, inner) => ({
    write: (buffer, position) => {
      if (buffer.length === 0 && position > inner.size()) inner.truncate(position);
      return inner.write(buffer, position);
    },
  }),
  "truncate never grows": (_, inner) => ({ truncate: (size) => inner.truncate(Math.min(size, inner.size())) }),
  "truncate does nothing": () => ({ truncate: () => undefined }),
  "a second close is ignored, other calls work on": (_, inner) => ({ close: () => void inner.size() }),
  "syncAsync of a closed file succeeds": () => ({ syncAsync: () => Promise.resolve() }),
  "syncAsync throws at once": (_, inner) => ({
    syncAsync: (barrier) => {
      inner.size();
      return inner.syncAsync(barrier);
    },
  }),
};

const envFaults: Record<string, EnvFault> = {
  "wx opens what exists": (env) => {
    const open = env.open.bind(env);
    return { open: (path, mode) => (mode === "wx" && exists(env, path) ? open(path, "rw") : open(path, mode)) };
  },
  "r may write": (env) => {
    const open = env.open.bind(env);
    return { open: (path, mode) => open(path, mode === "r" ? "rw" : mode) };
  },
  "rw creates": (env) => {
    const open = env.open.bind(env);
    return { open: (path, mode) => open(path, mode === "rw" && !exists(env, path) ? "wx" : mode) };
  },
  "rename refuses to replace": (env) => {
    const rename = env.rename.bind(env);
    return { rename: (from, to) => (exists(env, to) ? undefined : rename(from, to)) };
  },
  "rename leaves the old name": (env) => {
    const link = env.link.bind(env);
    return { rename: (from, to) => (exists(env, to) ? undefined : link(from, to)) };
  },
  "link replaces": (env) => {
    const link = env.link.bind(env);
    return {
      link: (from, to) => {
        if (from !== to && exists(env, to)) env.unlink(to);
        link(from, to);
      },
    };
  },
  "unlink of nothing succeeds": (env) => {
    const unlink = env.unlink.bind(env);
    return { unlink: (path) => (exists(env, path) ? unlink(path) : undefined) };
  },
  "makeDirectory twice succeeds": (env) => {
    const makeDirectory = env.makeDirectory.bind(env);
    return { makeDirectory: (path) => (exists(env, path) ? undefined : makeDirectory(path)) };
  },
  "listing shows dots": (env) => {
    const readDirectory = env.readDirectory.bind(env);
    return { readDirectory: (path) => [".", ...readDirectory(path)] };
  },
  "one inode for all": (env) => {
    const stat = env.stat.bind(env);
    return { stat: (path) => ({ ...stat(path), inode: 1 }) };
  },
  "stat knows no directories": (env) => {
    const stat = env.stat.bind(env);
    return { stat: (path) => ({ ...stat(path), kind: "file" }) };
  },
  "syncDirectory looks at nothing": () => ({ syncDirectory: () => undefined }),
  "the lock is given to all": () => ({ lock: () => ({ release: () => undefined }) }),
  "the lock is never free again": (env) => {
    const lock = env.lock.bind(env);
    return { lock: (path) => (lock(path), { release: () => undefined }) };
  },
  "the clock stands still": () => ({ now: () => 5 }),
  "the clock is in seconds": (env) => {
    const now = env.now.bind(env);
    return { now: () => now() / 1000 };
  },
  "chance repeats itself": () => ({ randomBytes: (count) => new Uint8Array(count).fill(7) }),
  "errors have no errno": (env) => {
    const open = env.open.bind(env);
    return {
      open: (path, mode) => {
        if (mode !== "wx" && !exists(env, path)) throw new Error("no such file");
        return open(path, mode);
      },
    };
  },
};

function exists(env: MemoryEnv, path: string): boolean {
  try {
    MemoryEnv.prototype.stat.call(env, path);
    return true;
  } catch {
    return false;
  }
}

async function failures(fault: EnvFault): Promise<string[]> {
  const failed: string[] = [];
  for (const { name, run } of envContract) {
    const env = new MemoryEnv();
    env.makeDirectory("/case");
    try {
      await run(Object.assign(env, fault(env)), "/case");
    } catch (error) {
      failed.push(`${name}: ${String(error)}`);
    }
  }
  return failed;
}

for (const [name, fault] of Object.entries(envFaults)) {
  test(`an Env where ${name} fails the suite`, async () => {
    expect(await failures(fault)).not.toEqual([]);
  });
}

for (const [name, fault] of Object.entries(fileFaults)) {
  test(`an Env where ${name} fails the suite`, async () => {
    expect(await failures(withFileFault(fault))).not.toEqual([]);
  });
}

test("the wrapper that plants the faults is itself faultless", async () => {
  expect(await failures(withFileFault(() => ({})))).toEqual([]);
});
