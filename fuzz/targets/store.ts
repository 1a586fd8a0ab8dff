// A whole store, cleanly closed, some of its files damaged: opened, read every way, verified. Everything in it is witnessed,
// so the answers are right, or a CorruptionError names a file of the store and an offset inside it.
//
// Whoever makes a checksum fit writes data, he does not damage it: where a block or chunk that verifies is not the one that
// was written there, answers may differ; everything else is demanded all the same.

import { CorruptionError, open, TinyKVError, type Database } from "tinykv";
import { MemoryEnv } from "tinykv/env";
import { BlockCache, parseFileName, TableReader } from "tinykv/formats";
import { Drafter } from "../draft.ts";
import { sourceOf } from "../files.ts";
import { Broken, demand, sameBytes, type Target } from "../target.ts";
import { dissectCurrent } from "./current.ts";
import { dissectEdit } from "./edit.ts";
import { dissectBatch } from "./batch.ts";
import { isForged } from "./forged.ts";
import { dissectLog } from "./log.ts";
import {
  ASKED,
  packFiles,
  packStore,
  readFiles,
  STORE,
  unpackStore,
  writeFiles,
  type Files,
  type State,
  type StoreInput,
} from "./store-image.ts";
import { dissectTable } from "./table.ts";
import { BYTEWISE } from "./values.ts";

export const storeTarget: Target = {
  name: "store",
  // Nothing of its own: every decoder counts for the one it is there for.
  modules: ["src/lsm/manifest", "src/wal/log-reader", "src/sst/table-reader", "src/lsm/file-names"],
  bytesMax: 8192,
  memory: "largest",
  seed: (random) => packStore(random.int(32), random.chance(1, 4)),
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectStore(drafter));
  },
  misplaced({ file, offset, message }, bytes) {
    const { files } = unpackStore(bytes);
    const { kind } = parseFileName(file);
    const isOwn = kind !== "foreign" && kind !== "lock" && kind !== "lost" && kind !== "current-tmp";
    const size = files.get(file)?.length ?? 0;
    if (isOwn && Number.isSafeInteger(offset) && offset >= 0 && offset <= size) return undefined;
    return `a CorruptionError at no place of the store: ${message}`;
  },
  run(bytes) {
    const input = unpackStore(bytes);
    const env = new MemoryEnv();
    writeFiles(env, input.files);
    let db: Database;
    try {
      db = open(STORE, { ...input.options, env });
    } catch (error) {
      demand(sameFiles(input.files, readFiles(env)), "a refused open changes nothing");
      return judgeRefusal(error, input);
    }
    try {
      judge(db, input);
    } finally {
      db.close();
    }
    if (input.options.readOnly === true)
      demand(sameFiles(input.files, readFiles(env)), "opening read-only changes nothing");
  },
};

function dissectStore(drafter: Drafter): void {
  drafter.u8();
  const list = drafter.newList();
  while (drafter.remaining > 0) {
    drafter.group(list, () => {
      const name = Buffer.from(drafter.lengthPrefixed()).toString("latin1");
      const at = drafter.next;
      const size = drafter.u32();
      drafter.within(size, () => dissectFile(drafter, name));
      drafter.link(at, { kind: "length", from: at + 1, to: drafter.next, plus: 0 });
    });
  }
}

function dissectFile(drafter: Drafter, name: string): void {
  const parsed = parseFileName(name);
  switch (parsed.kind) {
    case "current":
      return dissectCurrent(drafter);
    case "log":
      return dissectLog(drafter, dissectBatch);
    case "manifest":
      return dissectLog(drafter, dissectEdit);
    case "table": {
      const { number } = parsed;
      dissectTable(drafter, drafter.ahead, (bytes) => openTable(bytes, name, number));
      return;
    }
    default:
  }
}

function openTable(bytes: Uint8Array, name: string, number: number): TableReader {
  const source = sourceOf(bytes);
  return TableReader.open({ source, name, number, size: bytes.length, order: BYTEWISE, cache: new BlockCache(0) });
}

// Throws what is not an honest answer to damage, and what run() throws then is judged like everything.
export function judgeRefusal(error: unknown, input: StoreInput): void {
  if (!(error instanceof TinyKVError) || error instanceof CorruptionError) throw error;
  const { files, made } = input;
  const names = [...files.keys()].map(parseFileName);
  const holds = (kind: string): boolean => names.some((name) => name.kind === kind);
  // Without CURRENT, tables and logs there is no store.
  if (error.code === "TINYKV_DOES_NOT_EXIST" && !holds("current") && !holds("table") && !holds("log")) return;
  if (error.code === "TINYKV_COMPARATOR_MISMATCH" && isForged(files, made.files)) return;
  throw error;
}

function judge(db: Database, input: StoreInput): void {
  const { files, made } = input;
  for (const { file, offset, problem } of db.verify().problems) {
    const wrong = storeTarget.misplaced?.(new CorruptionError(file, offset, problem), packFiles(input.how, files));
    if (wrong !== undefined) throw new Broken(`verify reports ${wrong}`);
  }
  const wrong = wrongAnswer(db, input);
  if (wrong !== undefined && !isForged(files, made.files)) throw new Broken(wrong);
}

function wrongAnswer(db: Database, input: StoreInput): string | undefined {
  const { made, options } = input;
  const answers = new Map<string, string>();
  for (const key of ASKED) {
    const value = db.get(key)?.toString("latin1");
    if (value !== undefined) answers.set(key, value);
  }
  const forwards = [...db.iterate()].map(([key, value]) => [key.toString("latin1"), value.toString("latin1")] as const);
  const backwards = [...db.iterate({ reverse: true })].map(([key]) => key.toString("latin1")).reverse();
  if (forwards.length !== backwards.length || forwards.some(([key], i) => key !== backwards[i]))
    return "a scan backwards finds other keys";
  if (!sameState(new Map(forwards), answers)) return "a scan finds something else than get";
  const isUnwitnessed = isDamaged("log", input) && isDamaged("manifest", input);
  // Salvage answers without what it lists as lost, but nothing that was never written. It reads what logs there are: a
  // manifest that has lost its end may ask for one that is long gone.
  const isSalvaged = options.walRecoveryMode === "skipCorrupted" && (db.recovery.skipped.length > 0 || isUnwitnessed);
  if (isSalvaged && forwards.every(([key, value]) => made.written.get(key)?.includes(value) === true)) return undefined;
  // What log and manifest hold last is witnessed by the CLEAN END of either. Where both are damaged what is left of them may
  // pass for what a crash left: some earlier state of the store (docs/guarantees.md says so).
  const states = isUnwitnessed ? made.states : [made.expected];
  if (states.some((state) => sameState(answers, state))) return undefined;
  return `the store answers ${JSON.stringify([...answers])}`;
}

function isDamaged(kind: "log" | "manifest", { files, made }: StoreInput): boolean {
  return [...made.files].some(
    ([name, bytes]) => parseFileName(name).kind === kind && !sameBytes(files.get(name) ?? new Uint8Array(0), bytes),
  );
}

function sameState(a: State, b: State): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

function sameFiles(before: Files, after: Files): boolean {
  const names = new Set([...before.keys(), ...after.keys()]);
  names.delete("LOCK");
  return [...names].every((name) => {
    const [a, b] = [before.get(name), after.get(name)];
    return a !== undefined && b !== undefined && sameBytes(a, b);
  });
}
