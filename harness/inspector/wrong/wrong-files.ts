// Files that are wrong whatever they hold: footers, checksums, places of blocks, files that are missing or too many.

import type { Random } from "../../workloads/random.ts";
import { stored, u32 } from "../encode/fields.ts";
import { FILE_NUMBER_MAX } from "../limits.ts";
import { encodeCurrent, logName, manifestName, tableName } from "../store-names.ts";
import { frameTable, type TableBlock } from "../table-framing.ts";
import {
  withHooks,
  withTable,
  type Spoil,
  type SpoilFiles,
  type UnseenReason,
  type WrongClass,
} from "./wrong-class.ts";

function footer(change: (bytes: Buffer) => void): Spoil {
  return (plan, random) =>
    withTable(plan, random, (table) =>
      withHooks(table, {
        footer: (bytes) => {
          change(bytes);
          return bytes;
        },
      }),
    );
}

/** Changes the file of a table that `change` finds fit; it gives undefined for others. */
function tableFile(change: (bytes: Buffer, random: Random) => Buffer | undefined): SpoilFiles {
  return (files, { tables }, random) => {
    const start = random.int(Math.max(1, tables.length));
    for (let n = 0; n < tables.length; n++) {
      const name = tableName(tables[(start + n) % tables.length]!.shape.number);
      const changed = change(files.get(name)!, random);
      if (!changed) continue;
      files.set(name, changed);
      return true;
    }
    return false;
  };
}

/** Some bit of a block of this role, or of its checksum. */
function flippedBlock(role: TableBlock["role"]): WrongClass {
  return {
    name: `a flipped bit in a block: ${role}`,
    condition: "C15",
    spoilFiles: tableFile((bytes, random) => {
      const blocks = frameTable(bytes).blocks.filter((block) => block.role === role);
      if (blocks.length === 0) return undefined;
      const { offset, length } = random.pick(blocks);
      return flipped(bytes, offset + random.int(length + 5), random.int(8));
    }),
  };
}

function flipped(bytes: Buffer, at: number, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1 << bit;
  return copy;
}

// The compression byte of a block says something else, and its checksum holds.
function compressed(bytes: Buffer, random: Random): Buffer {
  const { blocks, footer: end } = frameTable(bytes);
  const { offset, length } = random.pick(blocks);
  const copy = Buffer.from(bytes);
  copy[offset + length] = 1;
  const body = copy.subarray(offset, offset + length + 1);
  copy.set(u32(stored(body, end!.tag, offset)), offset + length + 1);
  return copy;
}

// Two data blocks of one length, exchanged with their checksums.
function exchanged(bytes: Buffer): Buffer | undefined {
  const blocks = frameTable(bytes).blocks.filter(({ role }) => role === "data");
  for (const a of blocks) {
    for (const b of blocks) {
      if (a.offset >= b.offset || a.length !== b.length) continue;
      const copy = Buffer.from(bytes);
      bytes.copy(copy, a.offset, b.offset, b.offset + b.length + 5);
      bytes.copy(copy, b.offset, a.offset, a.offset + a.length + 5);
      if (!copy.equals(bytes)) return copy;
    }
  }
  return undefined;
}

/** One more file in the directory. */
function another(
  unseen: UnseenReason,
  name: string,
  bytes: (files: ReadonlyMap<string, Buffer>) => Buffer = () => Buffer.alloc(0),
): WrongClass {
  return {
    name: `in the directory: ${name}`,
    condition: "C17",
    unseen,
    spoilFiles(files) {
      files.set(name, bytes(files));
      return true;
    },
  };
}

function current(name: string, change: (bytes: Buffer) => Buffer | undefined): WrongClass {
  return {
    name,
    condition: "C15",
    spoilFiles(files) {
      const changed = change(files.get("CURRENT")!);
      if (changed) files.set("CURRENT", changed);
      else files.delete("CURRENT");
      return true;
    },
  };
}

const anyOf = (files: ReadonlyMap<string, Buffer>, ending: string): Buffer =>
  [...files].find(([name]) => name.endsWith(ending))![1];

export const WRONG_FILES: readonly WrongClass[] = [
  ...(["data", "filter", "indexPartition", "index", "properties", "metaindex"] as const).map(flippedBlock),
  { name: "a footer of another checksum type", condition: "C15", spoil: footer((bytes) => bytes.writeUInt8(2, 0)) },
  { name: "a footer of a later version", condition: "C15", spoil: footer((bytes) => bytes.writeUInt32LE(2, 4)) },
  { name: "a footer with an unknown feature", condition: "C15", spoil: footer((bytes) => bytes.writeUInt8(1, 8)) },
  { name: "a footer whose zeros are none", condition: "C15", spoil: footer((bytes) => bytes.writeUInt8(1, 2)) },
  {
    name: "a footer of another file number",
    condition: "C15",
    spoil: footer((bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(48) + 1, 48)),
  },
  {
    name: "a footer of another file size",
    condition: "C15",
    spoil: footer((bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(40) + 1, 40)),
  },
  {
    name: "a footer of another tag",
    condition: "C15",
    spoil: footer((bytes) => bytes.writeUInt32LE((bytes.readUInt32LE(36) % 1000) + 1, 36)),
  },
  {
    name: "a metaindex that does not end where the footer starts",
    condition: "C15",
    spoil: footer((bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(32) - 1, 32)),
  },
  { name: "a table without its magic", condition: "C15", spoil: footer((bytes) => bytes.writeUInt8(0x55, 64)) },
  { name: "a block of an unknown compression", condition: "C15", spoilFiles: tableFile(compressed) },
  { name: "two blocks exchanged", condition: "C15", spoilFiles: tableFile(exchanged) },
  {
    name: "a table cut short",
    condition: "C15",
    spoilFiles: tableFile((bytes, random) => bytes.subarray(0, random.int(bytes.length))),
  },
  {
    name: "a table with a byte more",
    condition: "C15",
    spoilFiles: tableFile((bytes) => Buffer.concat([bytes, Buffer.alloc(1)])),
  },
  {
    name: "a table that is missing",
    condition: "C15",
    spoilFiles: (files, { tables }, random) => files.delete(tableName(random.pick(tables).shape.number)),
  },
  {
    name: "a table in another's place",
    condition: "C15",
    spoilFiles(files, { tables }) {
      if (tables.length < 2) return false;
      files.set(tableName(tables[0]!.shape.number), files.get(tableName(tables[1]!.shape.number))!);
      return true;
    },
  },
  ...[tableName, logName, manifestName].map((nameOf): WrongClass => ({
    name: `a number that no store reaches: ${nameOf(FILE_NUMBER_MAX + 1)}`,
    condition: "C15",
    spoilFiles(files) {
      files.set(nameOf(FILE_NUMBER_MAX + 1), Buffer.alloc(0));
      return true;
    },
  })),
  current("no CURRENT", () => undefined),
  current("CURRENT with another checksum", (bytes) => flipped(bytes, bytes.length - 2, 0)),
  current("CURRENT with more behind it", (bytes) => Buffer.concat([bytes, Buffer.from("\n")])),
  current("CURRENT that names no file", () => encodeCurrent(888_888)),
  another("mended", "999999.sst", (files) => anyOf(files, ".sst")),
  another("mended", logName(1_000_000)),
  another("mended", manifestName(999_999), (files) => anyOf(files, "CURRENT")),
  another("mended", "CURRENT.tmp"),
  another("foreign", "7.log"),
  another("foreign", "lost/anything"),
  another("foreign", "notes.txt"),
];
