// Opening a table: its parts are read from the footer backwards, each checked against what came before it.

import type { KeyOrder } from "../common/comparator.ts";
import { areRelated } from "../common/database-id.ts";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import type { BlockCache } from "./block-cache.ts";
import { BlockFile, type TableSource } from "./block-file.ts";
import { BloomFilter } from "./bloom-filter.ts";
import { decodeProperties } from "./properties.ts";
import { decodeRangeDeletes, type RangeDelete } from "./range-deletes.ts";
import { TableBlocks } from "./table-blocks.ts";
import {
  BlockName,
  decodeFooter,
  decodeMetaindex,
  FOOTER_BYTES,
  type BlockHandle,
  type Footer,
  type TableProperties,
} from "./table-format.ts";

export interface TableReaderOptions {
  readonly source: TableSource;
  /** The file's name inside the store directory, for errors. */
  readonly name: string;
  /** The number, size and, when given, tag and database that the file must have. */
  readonly number: number;
  readonly size: number;
  readonly tag?: number;
  readonly databaseId?: Uint8Array;
  readonly order: KeyOrder;
  readonly cache: BlockCache;
}

/** What a table is made of, once its parts have been read and agree with each other. */
export interface TableParts {
  readonly file: BlockFile;
  readonly footer: Footer;
  readonly handles: ReadonlyMap<string, BlockHandle>;
  readonly properties: TableProperties;
  readonly blocks: TableBlocks;
  readonly filter: BloomFilter | undefined;
  readonly ranges: readonly RangeDelete[];
}

/** Throws as TableReader.open says. */
export function readParts(options: TableReaderOptions): TableParts {
  const file = new BlockFile(options.source, options.name, options.size);
  const footer = readFooter(file, options.number, options.tag);
  const handles = readMetaindex(file, footer);
  const properties = readProperties(file, footer, handles);
  checkIdentity(options, properties);
  const index = requireHandle(file, footer, handles, BlockName.index);
  const blocks = new TableBlocks(file, options.order, options.cache, index, properties);
  const filter = readFilter(file, handles);
  const ranges = readRanges(file, handles, options.order);
  if (ranges.length !== properties.rangeDeletes)
    throw new CorruptionError(file.name, footer.metaindex.offset, `${ranges.length} range deletes`);
  return { file, footer, handles, properties, blocks, filter, ranges };
}

/** Reads and checks the footer anew; also tells the file its tag. */
export function readFooter(file: BlockFile, number: number, tag: number | undefined): Footer {
  const offset = file.size - FOOTER_BYTES;
  if (offset < 0) throw new CorruptionError(file.name, 0, `a table of ${file.size} bytes`);
  const footer = decodeFooter(file.read(offset, FOOTER_BYTES), offset, file.name);
  if (footer.number !== number)
    throw new CorruptionError(file.name, offset + 48, `the table is number ${footer.number}`);
  if (tag !== undefined && footer.tag !== tag)
    throw new CorruptionError(file.name, offset + 36, "a table of another life of the file");
  file.tag = footer.tag;
  file.expectEnd();
  return footer;
}

export function readMetaindex(file: BlockFile, footer: Footer): Map<string, BlockHandle> {
  const { offset, length } = footer.metaindex;
  return decodeMetaindex(file.readBlock(offset, length, true), offset, file.name);
}

export function readProperties(
  file: BlockFile,
  footer: Footer,
  handles: ReadonlyMap<string, BlockHandle>,
): TableProperties {
  const { offset, length } = requireHandle(file, footer, handles, BlockName.properties);
  const properties = decodeProperties(file.readBlock(offset, length, true), offset, file.name);
  if (properties.fileNumber !== footer.number || properties.tag !== footer.tag)
    throw new CorruptionError(file.name, offset, "the properties are another table's");
  return properties;
}

/** Undefined: there is none, or none that this version can read. */
export function readFilter(file: BlockFile, handles: ReadonlyMap<string, BlockHandle>): BloomFilter | undefined {
  const handle = handles.get(BlockName.filter);
  if (handle === undefined) return undefined;
  return BloomFilter.decode(file.readBlock(handle.offset, handle.length, true), handle.offset, file.name);
}

export function readRanges(
  file: BlockFile,
  handles: ReadonlyMap<string, BlockHandle>,
  order: KeyOrder,
): readonly RangeDelete[] {
  const handle = handles.get(BlockName.rangeDeletes);
  if (handle === undefined) return [];
  return decodeRangeDeletes(file.readBlock(handle.offset, handle.length, true), handle.offset, file.name, order);
}

function requireHandle(
  file: BlockFile,
  footer: Footer,
  handles: ReadonlyMap<string, BlockHandle>,
  name: string,
): BlockHandle {
  const handle = handles.get(name);
  if (handle === undefined) throw new CorruptionError(file.name, footer.metaindex.offset, `no block named ${name}`);
  return handle;
}

function checkIdentity(options: TableReaderOptions, properties: TableProperties): void {
  if (options.databaseId !== undefined && !areRelated(options.databaseId, properties.databaseId))
    throw new CorruptionError(options.name, 0, "a table of another database");
  const { name } = options.order.comparator;
  if (properties.comparatorName !== name)
    throw new TinyKVError(
      "TINYKV_COMPARATOR_MISMATCH",
      `${options.name} is in the order of ${properties.comparatorName}, not of ${name}`,
    );
}
