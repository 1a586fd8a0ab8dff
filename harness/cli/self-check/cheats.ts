// Engines with a known bug each, made of ours: what a suite is there to find.

import type { Env, FileHandle, OpenMode } from "tinykv/env";
import type { EngineMaker } from "../../crash/recorded-run.ts";
import { BarrierEnv } from "../../disk/barrier-env.ts";
import type { Barrier } from "tinykv/env";
import type { Engine, EngineEntry, EngineStore } from "../../engine.ts";
import { TinyKVEngine } from "../../engines/tinykv.ts";
import { keyBytes, keyOf } from "../../keys.ts";
import { expandValue } from "../../values.ts";

export const ours: EngineMaker = (env) => new TinyKVEngine({ env });

/** A sync that does nothing. */
export function without(barrier: Barrier): EngineMaker {
  return (env) => new TinyKVEngine({ env: new BarrierEnv(env, (asked) => (asked === barrier ? "skip" : "do")) });
}

/** A sync that comes with the next call. */
export function late(barrier: Barrier): EngineMaker {
  return (env) => new TinyKVEngine({ env: new BarrierEnv(env, (asked) => (asked === barrier ? "defer" : "do")) });
}

type Mode = Parameters<Engine["open"]>[2];

/** Some calls of each store replaced; `opens` counts the stores that were opened for writing. */
export function withStores(
  change: (
    store: EngineStore,
    opened: { readonly opens: number; readonly mode: Mode; readonly directory: string },
  ) => Partial<EngineStore>,
): EngineMaker {
  return (env) => {
    const engine = new TinyKVEngine({ env });
    let opens = 0;
    return overlaid<Engine>(engine, () => ({
      open(directory, config, mode) {
        if (mode?.readOnly !== true) opens++;
        return overlaid(engine.open(directory, config, mode), (store) => change(store, { opens, mode, directory }));
      },
    }));
  };
}

/** Some calls of each file replaced. */
export function withFiles(change: (file: FileHandle, path: string) => Partial<FileHandle>): EngineMaker {
  return (env) => {
    const open = (path: string, mode: OpenMode): FileHandle =>
      overlaid(env.open(path, mode), (file) => change(file, path));
    return new TinyKVEngine({ env: overlaid<Env>(env, () => ({ open })) });
  };
}

/** Files are never removed. */
export const removesNothing: EngineMaker = (env) =>
  new TinyKVEngine({ env: overlaid<Env>(env, () => ({ unlink: () => undefined })) });

function overlaid<T extends object>(target: T, change: (target: T) => Partial<T>): T {
  const replaced = change(target);
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(replaced, name) ?? Reflect.get(target, name, target);
      return typeof member === "function" ? (member as () => unknown).bind(target) : member;
    },
    set: (_, name, value) => Reflect.set(replaced, name, value),
  });
}

export function attempt<T>(action: () => T, instead: () => T): T {
  try {
    return action();
  } catch {
    return instead();
  }
}

function allOf(store: EngineStore): EngineEntry[] {
  return [...store.scan({})];
}

/** A value that says it was written, and never was. */
const INVENTED = { incarnation: 0, id: 999, length: 40 };

/** What differential runs are there to find: a bug of an answer each. */
export const LIARS: Readonly<Record<string, EngineMaker>> = {
  "a scan leaves out its last entry": withStores((store) => ({
    scan: (...words) => [...store.scan(...words)].slice(0, -1),
  })),
  "a scan gives its first entry twice": withStores((store) => ({
    scan(...words) {
      const entries = [...store.scan(...words)];
      return [...entries.slice(0, 1), ...entries];
    },
  })),
  "a reverse scan goes forward": withStores((store) => ({
    scan: (range, snapshot) => store.scan({ ...range, reverse: false }, snapshot),
  })),
  "a scan forgets its limit": withStores((store) => ({
    scan: (range, snapshot) => store.scan({ ...range, limit: Infinity }, snapshot),
  })),
  "a scan includes its upper bound": withStores((store) => ({
    scan: ({ lt, ...range }, snapshot) => store.scan(lt === undefined ? range : { ...range, lte: lt }, snapshot),
  })),
  "get gives nothing": withStores(() => ({ get: () => undefined })),
  "a value has a wrong byte": withStores((store) => ({
    get(...words) {
      const value = store.get(...words);
      value?.writeUInt8(value.readUInt8(value.length - 1) ^ 1, value.length - 1);
      return value;
    },
  })),
  "has() is always true": withStores(() => ({ has: () => true })),
  "getMany() gives one value for all": withStores((store) => ({
    getMany: (keys) => keys.map(() => store.get(keys[0]!)),
  })),
  "a delete deletes nothing": withStores(() => ({ delete: () => undefined })),
  "a batch applies its first change": withStores((store) => ({
    batch: (changes, sync) => store.batch(changes.slice(0, 1), sync),
  })),
  "a snapshot shows what came later": withStores((store) => ({
    get: (key) => store.get(key),
  })),
  "a scan of a snapshot shows what came later": withStores((store) => ({
    scan: (range) => store.scan(range),
  })),
  "a cursor does not turn": withStores((store) => ({
    cursor(options) {
      const cursor = store.cursor(options);
      cursor.prev = cursor.next.bind(cursor);
      return cursor;
    },
  })),
  "a cursor forgets its bounds": withStores((store) => ({
    cursor: ({ snapshot }) => store.cursor(snapshot ? { snapshot } : {}),
  })),
  "a cursor has another key": withStores((store) => ({
    cursor: (options) => Object.defineProperty(store.cursor(options), "key", { get: () => keyBytes("z") }),
  })),
  "a reopen loses a key": withStores((store, { opens }) => {
    if (opens === 2) store.delete(keyBytes("a"), true);
    return {};
  }),
  "a read-only open shows less": withStores((store, { mode }) => ({
    ...(mode?.readOnly === true && { scan: (range, snapshot) => [...store.scan(range, snapshot)].slice(1) }),
  })),
  "a checkpoint lacks a key": withStores((store, { directory }) => ({
    ...(directory.includes(".c") && { scan: (range, snapshot) => [...store.scan(range, snapshot)].slice(1) }),
  })),
  "verify() finds damage": withStores(() => ({ verify: () => ["a block"] })),
  "a job failed": withStores(() => ({ complaint: () => "a job" })),
  "there is an orphan": withStores(() => ({ inspect: () => ["an orphan"] })),
};

/** Breaks a batch into single writes: what it may leave is a part of it. */
export const tearsBatches: EngineMaker = withStores((store) => ({
  batch(changes, sync) {
    for (const change of changes) store.batch([change], sync);
  },
}));

/** Behind a recovery there is a key that nobody wrote. */
export const inventsValues: EngineMaker = withStores((store, { mode }) => {
  if (mode?.readOnly !== true && allOf(store).length > 0)
    store.put(keyBytes("invented"), expandValue("invented", INVENTED), true);
  return {};
});

/** What was deleted comes back with a compaction. */
export const compactionBringsBack: EngineMaker = withStores((store) => {
  let deleted: Buffer | undefined;
  return {
    delete(key, sync) {
      deleted = key;
      store.delete(key, sync);
    },
    compactRange(...range) {
      store.compactRange(...range);
      const key = deleted ?? allOf(store)[0]?.[0];
      if (key) store.put(key, expandValue(keyOf(key), INVENTED), true);
    },
  };
});

/** compactRange() does nothing: what is deleted and overwritten stays. */
export const neverCompacts: EngineMaker = withStores(() => ({ compactRange: () => undefined }));

/** A read-only open writes a file. */
export const readOnlyWrites: EngineMaker = (env) => {
  const engine = new TinyKVEngine({ env });
  return overlaid<Engine>(engine, () => ({
    open(directory, config, mode) {
      if (mode?.readOnly === true) env.open(`${directory}/000999.log`, "wx").close();
      return engine.open(directory, config, mode);
    },
  }));
};

/** What was written goes to the kernel with the next call: a process kill loses it. */
export const buffersWrites: EngineMaker = (env) => {
  let waiting: (() => void)[] = [];
  const drain = (): void => {
    const now = waiting;
    waiting = [];
    for (const write of now) write();
  };
  const open = (path: string, mode: OpenMode): FileHandle => {
    drain();
    const file = env.open(path, mode);
    if (!path.endsWith(".log")) return file;
    const drained = <T>(call: () => T): T => {
      drain();
      return call();
    };
    return overlaid(file, () => ({
      write(buffer, position) {
        drain();
        const bytes = Buffer.from(buffer);
        waiting.push(() => file.write(bytes, position));
        return buffer.length;
      },
      sync: (barrier) => drained(() => file.sync(barrier)),
      read: (buffer, position) => drained(() => file.read(buffer, position)),
      size: () => drained(() => file.size()),
      close: () => drained(() => file.close()),
    }));
  };
  return new TinyKVEngine({ env: overlaid<Env>(env, () => ({ open })) });
};

/** What faults are there to find. */
export const FAILING: Readonly<Record<string, EngineMaker>> = {
  "a failed fsync is tried again": withFiles((file) => ({
    sync: (barrier) =>
      attempt(
        () => file.sync(barrier),
        () => file.sync(barrier),
      ),
  })),
  "a failed append is taken for done": withFiles((file, path) => ({
    write: (buffer, position) =>
      path.endsWith(".log")
        ? attempt(
            () => file.write(buffer, position),
            () => buffer.length,
          )
        : file.write(buffer, position),
  })),
  "a failed read is taken for the end of the file": withFiles((file) => ({
    read: (buffer, position) =>
      attempt(
        () => file.read(buffer, position),
        () => 0,
      ),
  })),
  "nothing is said of a write that failed": withStores((store) => ({
    put: (...words) =>
      attempt(
        () => store.put(...words),
        () => undefined,
      ),
  })),
  "short counts are taken for whole ones": withFiles((file) => ({
    write(buffer, position) {
      file.write(buffer, position);
      return buffer.length;
    },
  })),
};
