// C18: space is bounded. Behind a compaction of everything, without snapshots, a store is hardly larger than what it holds.

import { DEFAULTS } from "tinykv";
import { parseConfiguration } from "./configurations.ts";
import type { FileContent, Image } from "./disk/image.ts";
import { Failure } from "./failure.ts";
import { frameTable } from "./inspector/table-framing.ts";
import type { ModelEntry } from "./model.ts";

/** Of an entry beyond its key and value: sequence number, kind, lengths, offset, and a share of everything else. */
const ENTRY_BYTES = 24;
/** Of a data block beyond its entries: header, trailer, its entry in the index. Separators cost a key each. */
const BLOCK_BYTES = 48;
/** Of a table beyond its blocks: properties, metaindex, footer. Bounds cost a key each. */
const TABLE_BYTES = 1024;
const STORE_BYTES = 4096;

/** The tables of a store that was just compacted whole; `entries` are all that live in it. */
export function spaceProblem(
  image: Image,
  root: string,
  entries: readonly ModelEntry[],
  config: string,
): Failure | undefined {
  const files = filesOf(image, root);
  const tables = files.filter(({ name }) => name.endsWith(".sst"));
  const tableBytes = tables.reduce((sum, { content }) => sum + content.size, 0);
  const blocks = tables.reduce((sum, { content }) => sum + frameTable(content.bytes).index.length, 0);
  const live = entries.reduce((sum, [key, { length }]) => sum + key.length + length + ENTRY_BYTES, 0);
  const longest = entries.reduce((most, [key]) => Math.max(most, key.length), 0);
  const allowed =
    1.25 * live + blocks * (BLOCK_BYTES + 2 * longest) + tables.length * (TABLE_BYTES + 4 * longest) + STORE_BYTES;
  if (tableBytes > allowed) {
    return new Failure(
      "C18",
      `tables of ${tableBytes} bytes for ${live} live ones; ${Math.floor(allowed)} are allowed`,
    );
  }
  return logProblem(files, entries, config);
}

function logProblem(files: readonly StoreFile[], entries: readonly ModelEntry[], config: string): Failure | undefined {
  const options = { ...DEFAULTS, ...parseConfiguration(config).options };
  const logs = files.filter(({ name }) => name.endsWith(".log"));
  const largest = entries.reduce((most, [key, { length }]) => Math.max(most, key.length + length + ENTRY_BYTES), 0);
  const buffers = (options.maxWriteBufferNumber + 2) * (options.writeBufferSize + largest);
  const allowed = buffers + logs.length * options.logBlockSize;
  const bytes = logs.reduce((sum, { content }) => sum + content.size, 0);
  if (bytes > allowed) return new Failure("C18", `logs of ${bytes} bytes; ${allowed} are allowed`);
  return undefined;
}

interface StoreFile {
  readonly name: string;
  readonly content: FileContent;
}

function filesOf(image: Image, root: string): StoreFile[] {
  const files: StoreFile[] = [];
  for (const [path, content] of image.files) {
    if (path.startsWith(`${root}/`)) files.push({ name: path.slice(root.length + 1), content });
  }
  return files;
}
