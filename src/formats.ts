/**
 * `tinykv/formats`: the encoders and decoders of everything that the engine keeps in files, for tools that look at bytes:
 * fuzzers, inspectors, recovery of what is beyond repair. They follow the formats (docs/formats.md), not the semantic
 * version of the package: a new format may change them in any release.
 *
 * Every decoder throws CorruptionError with file and offset for bytes that are not what was written, TinyKVError
 * FORMAT_UNSUPPORTED where a newer version may have written them, and nothing else.
 */

export { ByteReader } from "./common/byte-reader.ts";
export { ByteWriter } from "./common/byte-writer.ts";
export { KeyOrder } from "./common/comparator.ts";
export { crc32, placedChecksum } from "./common/crc32.ts";
export type { InternalCursor } from "./common/cursor.ts";
export {
  compareInternalKeys,
  Kind,
  putInternalKey,
  SEQUENCE_MAX,
  takeInternalKey,
  type InternalKey,
} from "./common/internal-key.ts";

export { BATCH_HEADER_BYTES, decodeBatchHeader, OperationScanner, type BatchHeader } from "./memtable/batch-format.ts";
export { DecodedBatch, visitBatch } from "./memtable/decoded-batch.ts";
export { GatheredOperations } from "./memtable/gathered-operations.ts";
export { Memtable } from "./memtable/memtable.ts";
export { encodeBatch } from "./memtable/write-batch.ts";

export { chunks, type LogChunk } from "./wal/log-chunks.ts";
export {
  CHUNK_HEADER_BYTES,
  ChunkType,
  decodeCleanEnd,
  decodeHeader,
  encodeCleanEnd,
  encodeHeader,
  type CleanEnd,
  type DecodedHeader,
  type LogHeader,
} from "./wal/log-format.ts";
export { LogReader, type LogEnd, type LogGap, type LogReaderOptions, type LogRecord } from "./wal/log-reader.ts";
export type { LogPromise } from "./wal/log-scan.ts";
export type { LogSource } from "./wal/log-window.ts";
export { LogWriter } from "./wal/log-writer.ts";

export { BlockBuilder } from "./sst/block-builder.ts";
export { BlockCache } from "./sst/block-cache.ts";
export { BlockCursor } from "./sst/block-cursor.ts";
export { directoryWordsFor, writeDirectory } from "./sst/block-directory.ts";
export { BlockSlots, CacheSegment } from "./sst/cache-segment.ts";
export { BloomBuilder, BloomFilter, bloomHash } from "./sst/bloom-filter.ts";
export { IndexBlock, IndexBuilder, type IndexEntry } from "./sst/index-block.ts";
export { decodeProperties, encodeProperties } from "./sst/properties.ts";
export { decodeRangeDeletes, encodeRangeDeletes, type RangeDelete } from "./sst/range-deletes.ts";
export { salvageTable, type SalvagedTable, type SalvageOptions } from "./sst/table-salvage.ts";
export { TableBuilder, type TableBuilderOptions, type TableSummary } from "./sst/table-builder.ts";
export {
  decodeFooter,
  decodeMetaindex,
  encodeFooter,
  encodeMetaindex,
  FOOTER_BYTES,
  TRAILER_BYTES,
  type BlockHandle,
  type Footer,
  type TableIdentity,
  type TableProperties,
  type TableProvenance,
  type TableReference,
} from "./sst/table-format.ts";
export type { BlockPlace } from "./sst/table-layout.ts";
export { TableReader, type ReadFlags, type TableReaderOptions, type TableSource } from "./sst/table-reader.ts";

export {
  decodeCurrent,
  encodeCurrent,
  logName,
  lostName,
  lostNumber,
  manifestName,
  parseFileName,
  tableName,
  type FileName,
} from "./lsm/file-names.ts";
export {
  ComparatorNameError,
  readManifest,
  snapshotEdit,
  type ManifestState,
  type ReadManifest,
} from "./lsm/manifest.ts";
export type { TableMeta } from "./lsm/table-meta.ts";
export { Version } from "./lsm/version.ts";
export { decodeEdit, encodeEdit, type VersionEdit } from "./lsm/version-edit.ts";
