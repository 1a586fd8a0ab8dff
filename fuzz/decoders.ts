// Which modules count their branches while fuzzers run, and which of them decode: bytes that may be anything come in, values
// or a CorruptionError come out. Of those the corpus must take nearly all branches, whatever else stands in their files:
// encoders, checks that nothing gets as far as.

/** All of src/ that takes bytes of a store's files apart, and the reader of op logs. */
export const DECODERS: readonly string[] = [
  "harness/op-log",
  "harness/op-parse",
  "harness/op-words",
  "harness/tokens",
  "src/common/byte-reader",
  "src/common/internal-key",
  "src/lsm/file-names",
  "src/lsm/manifest",
  "src/lsm/version-edit",
  "src/memtable/batch-format",
  "src/memtable/decoded-batch",
  "src/memtable/gathered-operations",
  "src/memtable/operation-order",
  "src/sst/block-cursor",
  "src/sst/block-file",
  "src/sst/block-search",
  "src/sst/bloom-filter",
  "src/sst/data-walk",
  "src/sst/index-block",
  "src/sst/properties",
  "src/sst/range-deletes",
  "src/sst/salvage-parts",
  "src/sst/table-blocks",
  "src/sst/table-format",
  "src/sst/table-layout",
  "src/sst/table-parts",
  "src/sst/table-reader",
  "src/sst/table-salvage",
  "src/sst/table-verify",
  "src/wal/log-chunks",
  "src/wal/log-format",
  "src/wal/log-reader",
  "src/wal/log-scan",
  "src/wal/log-window",
];

/**
 * Work on values, not bytes: what is decoded is put into them and asked of them. Their branches guide the search, but they
 * serve reads and compactions too, which no decoder comes by.
 */
export const GUIDES: readonly string[] = [
  "harness/op-line",
  "src/lsm/manifest-inspection",
  "src/lsm/repair/gather",
  "src/lsm/repair/liveness",
  "src/lsm/repair/log-survey",
  "src/lsm/repair/manifest-survey",
  "src/lsm/repair/plan",
  "src/lsm/repair/survey",
  "src/lsm/table-meta",
  "src/lsm/version",
  "src/lsm/version-problems",
  "src/sst/table-cursor",
];
