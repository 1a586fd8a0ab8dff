import { expect, test } from "vitest";
import { parseDbBench } from "./db-bench.ts";

const LEVELDB = `LevelDB:    version 1.20
WARNING: Snappy compression is not enabled
------------------------------------------------
fillseq      :       1.869 micros/op;   59.2 MB/s
compact      :    9226.000 micros/op;
readrandom   :       0.491 micros/op; (20000 of 20000 found)
Microseconds per op:
Count: 1000  Average: 0.4910  StdDev: 10.00
Min: 0.0000  Median: 0.6000  Max: 412.0000
------------------------------------------------------
[       0,       1 )     950  95.000%  95.000% ###################
[       1,       2 )      40   4.000%  99.000% #
[       5,       6 )       8   0.800%  99.800%
[     400,     450 )       2   0.200% 100.000%
`;

const ROCKSDB = `DB path: [/tmp/x]
fillrandom   :       4.780 micros/op 209205 ops/sec 0.096 seconds 20000 operations;   23.1 MB/s
DB path: [/tmp/x]
readrandom   :       2.839 micros/op 352087 ops/sec 0.057 seconds 20000 operations;   24.6 MB/s (12621 of 20000 found)

Microseconds per read:
Count: 20000 Average: 2.8330  StdDev: 68.67
Min: 0  Median: 0.7158  Max: 4088
Percentiles: P50: 0.72 P75: 1.19 P99: 7.51 P99.9: 130.00 P99.99: 3650.00
------------------------------------------------------
[       0,       1 ]    13970  69.850%  69.850% ##############
(       1,       2 ]     6030  30.150% 100.000% ######
`;

test("the time of LevelDB's line, and percentiles from its buckets", () => {
  const parsed = parseDbBench(LEVELDB, "readrandom", 1000)!;
  expect(parsed.milliseconds).toBeCloseTo(0.491, 6);
  expect(parsed.histogram).toMatchObject({ count: 1000, p50: 600, p90: 1000, p99: 5000, p999: 400_000, max: 412_000 });
});

test("the time of RocksDB's line, and its percentiles", () => {
  const parsed = parseDbBench(ROCKSDB, "readrandom", 20_000)!;
  expect(parsed.milliseconds).toBeCloseTo(56.78, 6);
  expect(parsed.histogram).toMatchObject({ p50: 715.8, p99: 7510, p999: 130_000, max: 4_088_000 });
});

test("an earlier benchmark of the same process is not taken for the last one, and none for one that is missing", () => {
  expect(parseDbBench(LEVELDB, "fillseq", 10)!.milliseconds).toBeCloseTo(0.018_69, 9);
  expect(parseDbBench(ROCKSDB, "readmissing", 10)).toBeUndefined();
});

test("compact is one operation to the program and one an entry to us", () => {
  expect(parseDbBench(LEVELDB, "compact", 12_642)).toMatchObject({ ops: 12_642, milliseconds: 9.226 });
});
