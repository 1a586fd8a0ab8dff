// A manifest: a log of version edits, replayed.

import {
  ComparatorNameError,
  decodeEdit,
  encodeEdit,
  LogReader,
  LogWriter,
  readManifest,
  snapshotEdit,
  Version,
  type ManifestState,
  type TableMeta,
  type VersionEdit,
} from "tinykv/formats";
import type { Random } from "tinykv/harness";
import { Drafter } from "../draft.ts";
import { envOf, fileOf, GrowingFile } from "../files.ts";
import { demand, misplacedIn, sameBytes, type Target } from "../target.ts";
import { dissectEdit, tableOf } from "./edit.ts";
import { dissectLog } from "./log.ts";
import { ascendingKeys, BYTEWISE, bytesOf, DATABASE_ID, TAG } from "./values.ts";

const FILE = "MANIFEST-000005";
const NUMBER = 5;

/** Tables that lie side by side on a level below 0. */
function levelOf(random: Random, number: number): TableMeta[] {
  const keys = ascendingKeys(random, 6);
  const tables: TableMeta[] = [];
  for (let i = 0; i + 1 < keys.length; i += 2) {
    const { smallest, largest, ...rest } = tableOf(random, number + i, 1);
    const bounds = { smallest: { ...smallest, key: keys[i]! }, largest: { ...largest, key: keys[i + 1]! } };
    tables.push({ ...rest, ...bounds });
  }
  return tables;
}

function snapshotOf(random: Random): VersionEdit {
  // In level 0 newer tables have newer entries.
  const flushed = Array.from({ length: random.int(3) }, (_, i): TableMeta => {
    const table = tableOf(random, 30 + i, 10 + i);
    const sequence = 100 * (i + 1);
    const at = { leastSequence: sequence, greatestSequence: sequence + 50 };
    const bound = (key: TableMeta["smallest"]): TableMeta["smallest"] => ({ ...key, sequence: sequence + 1 });
    return { ...table, ...at, smallest: bound(table.smallest), largest: bound(table.largest) };
  });
  const added = flushed
    .filter(({ smallest, largest }) => BYTEWISE.compare(smallest.key, largest.key) < 0)
    .map((table) => ({ level: 0, table }));
  const deeper = levelOf(random, 50).map((table) => ({ level: random.pick([1, 1, 11]), table }));
  return {
    comparatorName: "tinykv.bytewise",
    databaseId: DATABASE_ID,
    logNumber: random.between(1, 100),
    nextFileNumber: random.between(100, 1000),
    // At least what its tables hold.
    lastSequence: [...added, ...deeper].reduce(
      (most, { table }) => Math.max(most, table.greatestSequence),
      random.int(1000),
    ),
    added: [...added, ...deeper],
    compactionCursors: random.chance(1, 2) ? [{ level: 1, key: bytesOf(random, 8) }] : [],
  };
}

function seedManifest(random: Random): Uint8Array {
  const file = new GrowingFile();
  const writer = LogWriter.create(file, {
    kind: "manifest",
    tag: TAG,
    blockSize: 512,
    databaseId: DATABASE_ID,
    fileNumber: NUMBER,
    comparatorName: "tinykv.bytewise",
    lastSequence: 0,
  });
  const snapshot = snapshotOf(random);
  const lastSequence = Math.max(snapshot.lastSequence!, 1000);
  writer.append(encodeEdit(snapshot));
  for (let i = random.int(3); i > 0; i--) {
    const gone = random.chance(1, 2) ? snapshot.added?.[i - 1] : undefined;
    const removed = gone ? [{ level: gone.level, number: gone.table.number }] : [];
    writer.append(encodeEdit({ nextFileNumber: 2000, lastSequence, removed }));
    if (random.chance(1, 2)) writer.sync("flush.manifest");
  }
  if (random.chance(1, 2)) writer.appendCleanEnd({ lastSequence, manifestNumber: NUMBER, manifestSize: writer.size });
  return file.bytes;
}

export const manifestTarget: Target = {
  name: "manifest",
  modules: [
    "src/lsm/manifest",
    "src/lsm/version",
    "src/lsm/version-problems",
    "src/lsm/table-meta",
    "src/lsm/version-edit",
  ],
  bytesMax: 2048,
  memory: "sum",
  misplaced: misplacedIn(FILE, 0),
  isLegal: (error) => error instanceof ComparatorNameError,
  seed: seedManifest,
  dissect: (bytes) => {
    const drafter = new Drafter(bytes);
    return drafter.dissect(() => dissectLog(drafter, dissectEdit));
  },
  run(bytes) {
    const { state, end, tornBytes, number } = readManifest(envOf(bytes), "/", NUMBER, BYTEWISE);
    demand(number === NUMBER && tornBytes >= 0 && tornBytes <= bytes.length, "a manifest is its file");
    demand(end.size > 0 && end.size <= bytes.length, "a manifest ends inside its file");
    const encoded = Uint8Array.from(encodeEdit(snapshotEdit(state)));
    demand(
      sameBytes(encodeEdit(snapshotEdit(replayed(state, encoded))), encoded),
      "a snapshot of the state is the state",
    );
    demand(tablesLeft(bytes) === tablesOf(state), "as many tables are there as were added and not removed");
    // Levels may contradict each other, which a manifest that is read does not say; each by itself must be sound.
    for (const problem of state.version.problems())
      demand(problem.includes("older at one of its ends"), `a version that is applied is sound: ${problem}`);
  },
};

function tablesOf({ version }: ManifestState): number {
  return version.levels.reduce((sum, tables) => sum + tables.length, 0);
}

function tablesLeft(bytes: Uint8Array): number {
  const reader = LogReader.open({ file: fileOf(bytes), name: FILE, number: NUMBER, kind: "manifest" });
  let tables = 0;
  for (let record = reader.next(); record; record = reader.next()) {
    const { added = [], removed = [] } = decodeEdit(record.payload, FILE, record.offset);
    tables += added.length - removed.length;
  }
  return tables;
}

function replayed(state: ManifestState, encoded: Uint8Array): ManifestState {
  const edit = decodeEdit(encoded, FILE, 0);
  const version = Version.empty(BYTEWISE, state.version.numLevels).apply(edit);
  const compactionCursors = new Map(edit.compactionCursors?.map(({ level, key }) => [level, key]));
  return { ...state, version, compactionCursors };
}
