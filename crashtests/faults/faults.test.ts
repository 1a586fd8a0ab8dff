// The campaign against our engine finds nothing; against engines that handle a failing world wrongly it finds each, under
// the condition that the engine breaks.

import { expect, test } from "vitest";
import type { Env, FileHandle } from "tinykv/env";
import { SILENT_HOST, TinyKVEngine, type Engine, type EngineStore, type Finding, type Op } from "tinykv/harness";
import { CAPACITY } from "./call-name.ts";
import { replayFaults, runFaults } from "./campaign.ts";
import { FAULTS_CONFIG } from "./op-source.ts";

test("whichever call fails, and however small the disk, tinykv loses nothing", async () => {
  const result = await runFaults({ seed: "1", ops: 20, shard: { index: 1, count: 8 } }, SILENT_HOST);
  expect(result.findings).toEqual([]);
  expect(result.exhausted).toBe(true);
  expect(result.capacities).toBeGreaterThan(5);
  for (const call of ["write-log", "write-table", "open-manifest", "lock-lock", "read-current"]) {
    expect(result.byCall[call]).toBeGreaterThan(0);
  }
  for (const outcome of ["none EIO once", "part EIO once", "whole EIO forever", "short EIO once", "none ENOSPC once"]) {
    expect(result.outcomes[outcome]).toBeGreaterThan(0);
  }
});

/** Our engine on an Env whose files are replaced. */
function withFiles(change: (file: FileHandle, path: string) => Partial<FileHandle>): (env: Env) => Engine {
  return (env) => {
    const wrapped = new Proxy(env, {
      get(target, name) {
        if (name === "open") {
          return (...[path, mode]: Parameters<Env["open"]>) =>
            overlaid(target.open(path, mode), (file) => change(file, path));
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value as () => unknown).bind(target) : value;
      },
    });
    return new TinyKVEngine({ env: wrapped });
  };
}

/** Our engine with some calls of its stores replaced. */
function withStores(change: (store: EngineStore) => Partial<EngineStore>): (env: Env) => Engine {
  return (env) => {
    const engine = new TinyKVEngine({ env });
    return overlaid(engine, () => ({ open: (...open) => overlaid(engine.open(...open), change) }));
  };
}

function overlaid<T extends object>(target: T, change: (target: T) => Partial<T>): T {
  const replaced = change(target);
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(replaced, name) ?? Reflect.get(target, name, target);
      return typeof value === "function" ? (value as () => unknown).bind(target) : value;
    },
  });
}

function attempt<T>(action: () => T, instead: () => T): T {
  try {
    return action();
  } catch {
    return instead();
  }
}

const CHEATS: readonly [claim: string, conditions: readonly string[], engine: (env: Env) => Engine][] = [
  [
    "tries a failed fsync again",
    ["C20", "C3", "C1", "C9"],
    withFiles((file) => ({
      sync: (barrier) =>
        attempt(
          () => file.sync(barrier),
          () => file.sync(barrier),
        ),
    })),
  ],
  [
    "takes a failed append for done",
    ["C1", "C3", "C15", "C19"],
    withFiles((file, path) => ({
      write: (buffer, position) =>
        path.endsWith(".log")
          ? attempt(
              () => file.write(buffer, position),
              () => buffer.length,
            )
          : file.write(buffer, position),
    })),
  ],
  [
    "takes a failed read for the end of the file",
    ["C1", "C3", "C21", "C8"],
    withFiles((file) => ({
      read: (buffer, position) =>
        attempt(
          () => file.read(buffer, position),
          () => 0,
        ),
    })),
  ],
  [
    "goes on writing after a failed fsync",
    ["C3", "C20"],
    withFiles((file, path) => ({
      sync: (barrier) =>
        path.endsWith(".log")
          ? attempt(
              () => file.sync(barrier),
              () => undefined,
            )
          : file.sync(barrier),
    })),
  ],
  [
    "says nothing of a write that failed",
    ["C3", "C19", "C8", "C20"],
    withStores((store) => ({
      put: (...put) =>
        attempt(
          () => store.put(...put),
          () => undefined,
        ),
    })),
  ],
];

async function firstFinding(engine: (env: Env) => Engine): Promise<Finding | undefined> {
  // Its seed draws scans, cursors and batches among few operations.
  const options = { seed: "3", ops: 80, findingsMax: 1, until: (done: number) => done > 600 };
  return (await runFaults(options, SILENT_HOST, engine)).findings[0];
}

test.each(CHEATS)("an engine that %s is found", async (_, conditions, engine) => {
  const finding = await firstFinding(engine);
  expect(conditions).toContain(finding?.condition);
  // Its log alone shows it again.
  expect(await replayFaults(finding!, engine)).toMatchObject({ condition: finding!.condition, phase: finding!.phase });
});

/** A store whose reads go to its tables, of which the nth fails in the last operation. */
function failedRead(nth: number, read: Op): readonly Op[] {
  const puts = Array.from({ length: 40 }, (_, i): Op => {
    return { id: i, kind: "put", key: `k${i}`, value: { incarnation: 0, id: i, length: 60 }, sync: false };
  });
  const fault = { call: "read-table", nth, outcome: "none", error: "EIO", lasting: false } as const;
  return [...puts, { id: 50, kind: "flush" }, { id: 51, kind: "fault", ...fault }, read];
}

const READ_CHEATS: readonly [claim: string, engine: (env: Env) => Engine][] = [
  [
    "says that a key is absent when it cannot be read",
    withStores((store) => ({
      get: (key, snapshot) =>
        attempt(
          () => store.get(key, snapshot),
          () => undefined,
        ),
    })),
  ],
  [
    "ends a scan in silence when it cannot go on",
    withStores((store) => ({
      *scan(range, snapshot) {
        const entries = store.scan(range, snapshot)[Symbol.iterator]();
        for (;;) {
          const next = attempt(
            () => entries.next(),
            () => ({ done: true as const, value: undefined }),
          );
          if (next.done === true) return;
          yield next.value;
        }
      },
    })),
  ],
];

test.each(READ_CHEATS)("an engine that %s is found", async (_, engine) => {
  const config = `${FAULTS_CONFIG},blockCacheSize=0`;
  let finding: Finding | undefined;
  for (let nth = 0; nth < 20; nth++) {
    for (const read of [{ id: 52, kind: "get", key: "k7" } as const, { id: 52, kind: "scan" } as const]) {
      const ops = failedRead(nth, read);
      expect(await replayFaults({ seed: "", config, ops })).toBeUndefined();
      finding ??= await replayFaults({ seed: "", config, ops }, engine);
    }
  }
  expect(finding).toMatchObject({ condition: "C21", phase: "run" });
});

test("an engine that clears up behind an open that found the disk full is found, and its log says whose disk it was", async () => {
  const puts = Array.from({ length: 5 }, (_, i): Op => {
    return { id: i, kind: "put", key: `k${i}`, value: { incarnation: 0, id: i, length: 60 }, sync: true };
  });
  const crash: Op = { id: 6, kind: "crash", loss: "kill", survival: { kind: "all" } };
  const full = { call: CAPACITY, nth: 0, outcome: "part", error: "ENOSPC", lasting: true } as const;
  const ops: readonly Op[] = [...puts, crash, { id: 7, kind: "fault", ...full }];
  const clearing = (env: Env): Engine => {
    const engine = new TinyKVEngine({ env });
    const clear = (directory: string): void => {
      const logs = env.readDirectory(directory).filter((name) => name.endsWith(".log"));
      for (const name of logs) env.unlink(`${directory}/${name}`);
    };
    return overlaid(engine, () => ({
      open: (...open) =>
        attempt(
          () => engine.open(...open),
          () => {
            clear(open[0]);
            return engine.open(...open);
          },
        ),
    }));
  };
  expect(await replayFaults({ seed: "", config: FAULTS_CONFIG, ops })).toBeUndefined();
  expect(await replayFaults({ seed: "", config: FAULTS_CONFIG, ops }, clearing)).toMatchObject({ phase: "recovery" });
});
