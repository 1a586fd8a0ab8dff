// Write-ahead logs that are wrong: records that are no batches, sequence numbers that do not rise, links that do not hold.
// All of stores that were closed, where no tear excuses anything.

import type { LogEncoder } from "../encode/log-encoder.ts";
import type { BatchPlan, LogPlan, StorePlan } from "../encode/store-plan.ts";
import { NUMBER_MAX } from "../limits.ts";
import type { LogHeader } from "../log-framing.ts";
import { frameLog } from "../log-framing.ts";
import { logName } from "../store-names.ts";
import { placeWhere, replaced, withStoreHooks, type Spoil, type SpoilFiles, type WrongClass } from "./wrong-class.ts";

const CLOSED = { closed: true } as const;

/** Changes a batch; `fits` says which. */
function batch(
  change: (batch: BatchPlan, log: LogPlan, i: number) => BatchPlan,
  fits: (log: LogPlan, i: number) => boolean = () => true,
): Spoil {
  return (plan, random) => {
    const at = placeWhere(random, plan.logs.length, (n) =>
      plan.logs[n]!.batches.some((_, i) => fits(plan.logs[n]!, i)),
    );
    if (at === undefined) return undefined;
    const log = plan.logs[at]!;
    const i = placeWhere(random, log.batches.length, (place) => fits(log, place))!;
    const batches = replaced(log.batches, i, change(log.batches[i]!, log, i));
    return { ...plan, logs: plan.logs.with(at, { ...log, batches }) };
  };
}

const record = (change: (bytes: Buffer) => Buffer): Spoil => batch((one) => ({ ...one, bytes: change }));

function patched(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32LE(value, at);
  return copy;
}

const isSecond = (_: LogPlan, i: number): boolean => i > 0;

/** Changes the header of the newest log, where there are two and the older holds something. */
function newestHeader(change: (plan: StorePlan) => Partial<LogHeader>): Spoil {
  return (plan) => {
    const { logs } = plan;
    if (logs.length < 2 || logs[0]!.batches.length === 0) return undefined;
    return { ...plan, logs: logs.with(logs.length - 1, { ...logs.at(-1)!, header: change(plan) }) };
  };
}

/** Something behind the records of a log, in front of CLEAN END. */
function behindRecords(add: (log: LogEncoder) => void): Spoil {
  return (plan) => {
    const newest = plan.logs.at(-1)!.number;
    return withStoreHooks(plan, { log: (log, number) => (number === newest ? add(log) : undefined) });
  };
}

/** Changes the bytes of the newest log. */
function newestLog(change: (bytes: Buffer, number: number) => Buffer | undefined): SpoilFiles {
  return (files, { logs }) => {
    const { number } = logs.at(-1)!;
    const changed = change(files.get(logName(number))!, number);
    if (changed) files.set(logName(number), changed);
    return changed !== undefined;
  };
}

const log = (name: string, spoil: Spoil): WrongClass => ({ name, condition: "C15", base: CLOSED, spoil });
const logFile = (name: string, spoilFiles: SpoilFiles): WrongClass => ({
  name,
  condition: "C15",
  base: CLOSED,
  spoilFiles,
});

export const WRONG_LOGS: readonly WrongClass[] = [
  log(
    "a batch of more operations than it says",
    record((bytes) => patched(bytes, 8, bytes.readUInt32LE(8) - 1)),
  ),
  log(
    "a batch of fewer operations than it says",
    record((bytes) => patched(bytes, 8, bytes.readUInt32LE(8) + 1)),
  ),
  log(
    "a batch with a byte left over",
    record((bytes) => Buffer.concat([bytes, Buffer.alloc(1)])),
  ),
  log(
    "a batch shorter than its header",
    record((bytes) => bytes.subarray(0, 11)),
  ),
  ...[2, 15, 255].map((kind) =>
    log(
      `an operation of kind ${kind}`,
      record((bytes) => {
        const copy = Buffer.from(bytes);
        copy[12] = kind;
        return copy;
      }),
    ),
  ),
  log(
    "a sequence number twice in a log",
    batch((one, { batches }, i) => ({ ...one, firstSequence: batches[i - 1]!.firstSequence }), isSecond),
  ),
  log(
    "sequence numbers that fall",
    batch((one, { batches }, i) => ({ ...one, firstSequence: batches[i - 1]!.firstSequence - 1 }), isSecond),
  ),
  log(
    "sequence numbers beyond 2^53-1",
    batch(
      (one) => ({ ...one, firstSequence: NUMBER_MAX }),
      ({ batches }, i) => i === batches.length - 1 && batches[i]!.operations.length > 1,
    ),
  ),
  log(
    "a log behind less than was replayed",
    newestHeader(({ logs }) => ({ lastSequenceBefore: logs[0]!.batches[0]!.firstSequence - 1 })),
  ),
  log("a log behind more than its first record", (plan) => {
    const newest = plan.logs.at(-1)!;
    if (newest.batches.length === 0) return undefined;
    const header = { lastSequenceBefore: newest.batches[0]!.firstSequence };
    return { ...plan, logs: plan.logs.with(plan.logs.length - 1, { ...newest, header }) };
  }),
  log(
    "a log behind a greater size than its predecessor has",
    newestHeader(() => ({ predecessorSize: 100_000 })),
  ),
  log(
    "a log behind the middle of a record",
    newestHeader(() => ({ predecessorSize: 120 })),
  ),
  log("a log behind a predecessor that is missing", (plan) => {
    const missing = plan.logNumber - 1;
    if (plan.logs.length > 1 || missing === 0) return undefined;
    const header = { predecessorNumber: missing, predecessorSize: 200 };
    return { ...plan, logNumber: missing, logs: [{ ...plan.logs[0]!, header }] };
  }),
  log(
    "a log off the chain",
    newestHeader(({ logNumber }) => ({ predecessorNumber: logNumber - 1 })),
  ),
  log(
    "a log without predecessor that is not the first",
    newestHeader(() => ({ predecessorNumber: 0, predecessorSize: 0 })),
  ),
  log(
    "a log of another database id",
    newestHeader(() => ({ databaseId: "cd".repeat(16) })),
  ),
  log(
    "a log of another comparator",
    newestHeader(() => ({ comparatorName: "another" })),
  ),
  log(
    "a log of a block size that is none",
    newestHeader(() => ({ blockSize: 700 })),
  ),
  log("an older log of another database id", (plan) => {
    const [first, ...rest] = plan.logs;
    if (rest.length === 0) return undefined;
    return { ...plan, logs: [{ ...first!, header: { databaseId: "cd".repeat(16) } }, ...rest] };
  }),
  log("a log of a number that its header does not have", (plan) => {
    const first = plan.logs[0]!;
    return { ...plan, logs: plan.logs.with(0, { ...first, header: { fileNumber: first.number + 1000 } }) };
  }),
  log(
    "a record without its FIRST",
    behindRecords((one) => void one.add({ type: 3, payload: Buffer.from("x") })),
  ),
  log(
    "a record without its LAST",
    behindRecords((one) => void one.add({ type: 2, payload: Buffer.from("x") })),
  ),
  log(
    "a chunk of no type",
    behindRecords((one) => void one.add({ type: 9, payload: Buffer.alloc(0) })),
  ),
  log(
    "a chunk synced beyond its own place",
    behindRecords((one) => void one.add({ type: 146, syncedOffset: one.bytes.length + 100, payload: Buffer.alloc(0) })),
  ),
  log(
    "zeros where a chunk should start",
    behindRecords((one) => void one.raw(Buffer.alloc(40))),
  ),
  logFile(
    "a flipped bit in a record of a log that was closed",
    newestLog((bytes, number) => {
      const { records } = frameLog(bytes, number, "wal");
      if (records.length === 0) return undefined;
      const copy = Buffer.from(bytes);
      copy[records[0]!.offset + 20]! ^= 4;
      return copy;
    }),
  ),
  logFile(
    "a log that was closed, without its header",
    newestLog((bytes) => Buffer.concat([Buffer.alloc(115), bytes.subarray(115)])),
  ),
  logFile(
    "a log that was closed, cut short",
    newestLog((bytes) => bytes.subarray(0, bytes.length - 1)),
  ),
  logFile(
    "an older log that is missing",
    (files, { logs }) => logs.length > 1 && files.delete(logName(logs[0]!.number)),
  ),
  logFile("an older log cut short", (files, { logs }, random) => {
    if (logs.length < 2) return false;
    const name = logName(logs[0]!.number);
    const bytes = files.get(name)!;
    files.set(name, bytes.subarray(0, random.int(bytes.length)));
    return true;
  }),
];
