// The log on a real file system: microseconds an append, alone and with an fdatasync after each, into a new file and into
// a recycled one, and megabytes a second read back. `node dist/bench/micro/log.bench.js [DIRECTORY]`

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { NodeEnv } from "../../src/util/node-env.ts";
import type { FileHandle } from "../../src/util/env.ts";
import { LogReader } from "../../src/wal/log-reader.ts";
import { LogWriter } from "../../src/wal/log-writer.ts";

const ENV = new NodeEnv();

/** 64 MiB of records, the size that recovery is judged by; with a sync after each there is time for fewer. */
const LOG_BYTES = 64 << 20;
const SYNCED_APPENDS = 1000;
const ROUNDS = 5;

/** Prints a line for each record size: medians of five rounds. */
export function run(parent: string = tmpdir()): void {
  const directory = mkdtempSync(join(parent, "tinykv-log-"));
  console.log("bytes   append us   MB/s written   append+sync us   same, recycled us   MB/s read   us/record read");
  try {
    for (const length of [128, 4096]) console.log(measure(directory, length));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function measure(directory: string, length: number): string {
  const payload = Buffer.alloc(length, "p");
  const count = Math.floor(LOG_BYTES / length);
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    const path = join(directory, `${length}-${round}`);
    const plain = timed(() => write(ENV.open(path, "wx"), payload, count, false));
    const read = timed(() => readBack(ENV.open(path, "r"), count));
    const synced = timed(() => write(ENV.open(`${path}-synced`, "wx"), payload, SYNCED_APPENDS, true));
    const recycled = timed(() => write(ENV.open(`${path}-synced`, "rw"), payload, SYNCED_APPENDS, true));
    return { plain, read, synced, recycled };
  });
  const median = (pick: (round: (typeof rounds)[number]) => number): number => {
    return rounds.map(pick).sort((a, b) => a - b)[ROUNDS >> 1]!;
  };
  const [plain, read] = [median((round) => round.plain), median((round) => round.read)];
  const megabytes = (length * count) / 1e6;
  const columns = [
    [(plain * 1e6) / count, 12, 2],
    [megabytes / plain, 15, 0],
    [(median((round) => round.synced) * 1e6) / SYNCED_APPENDS, 17, 1],
    [(median((round) => round.recycled) * 1e6) / SYNCED_APPENDS, 20, 1],
    [megabytes / read, 12, 0],
    [(read * 1e6) / count, 17, 3],
  ] as const;
  return (
    String(length).padStart(5) + columns.map(([value, width, digits]) => value.toFixed(digits).padStart(width)).join("")
  );
}

/** Seconds. */
function timed(action: () => void): number {
  const start = process.hrtime.bigint();
  action();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function write(file: FileHandle, payload: Uint8Array, count: number, sync: boolean): void {
  const writer = LogWriter.create(file, {
    kind: "wal",
    tag: 1 + (count % 1000),
    blockSize: 32_768,
    databaseId: new Uint8Array(16),
    fileNumber: 1,
    comparatorName: "tinykv.bytewise",
    lastSequence: 0,
  });
  for (let i = 0; i < count; i++) {
    writer.append(payload);
    if (sync) file.sync("log.write");
  }
  writer.close();
}

function readBack(file: FileHandle, count: number): void {
  const reader = LogReader.open({ file, name: "log", number: 1, kind: "wal" });
  let records = 0;
  while (reader.next()) records++;
  if (records !== count) throw new Error(`${records} of ${count} records came back`);
  file.close();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) run(process.argv[2]);
