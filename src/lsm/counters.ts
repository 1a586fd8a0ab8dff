import type { JobEnd, StallCause } from "./events.ts";
import type { JobKind } from "./job-description.ts";

interface LevelCounter {
  readBytes: number;
  writtenBytes: number;
  compactions: number;
}

interface StallCounter {
  count: number;
  milliseconds: number;
  delays: number;
  delayMilliseconds: number;
  lastCause: StallCause | undefined;
  lastJob: number | undefined;
}

/** What is counted while the store works. */
export class Counters {
  batches = 0;
  entries = 0;
  bytes = 0;
  logBytes = 0;
  syncs = 0;
  gets = 0;
  found = 0;
  tablesAsked = 0;
  flushes = 0;
  compactions = 0;
  entriesDropped = 0;
  failedJobs = 0;
  cursors = 0;
  lostBytes = 0;
  stalls: StallCounter = {
    count: 0,
    milliseconds: 0,
    delays: 0,
    delayMilliseconds: 0,
    lastCause: undefined,
    lastJob: undefined,
  };
  /** Tables that an edit may name whose manifest write failed: they stay until a later manifest is durable. */
  readonly doubtfulTables: number[] = [];
  readonly #levels: LevelCounter[] = [];

  level(level: number): LevelCounter {
    return (this.#levels[level] ??= { readBytes: 0, writtenBytes: 0, compactions: 0 });
  }

  noteJob(kind: JobKind, to: number, event: JobEnd): void {
    if (!event.ok) {
      if (event.error) this.failedJobs++;
      return;
    }
    const level = this.level(to);
    level.readBytes += event.bytesRead;
    level.writtenBytes += event.bytesWritten;
    level.compactions++;
    this.entriesDropped += event.entriesIn - event.entriesOut;
    if (kind === "flush") this.flushes++;
    else this.compactions++;
  }

  noteStall(cause: StallCause, job: number | undefined, milliseconds: number): void {
    this.stalls = {
      ...this.stalls,
      count: this.stalls.count + 1,
      milliseconds: this.stalls.milliseconds + milliseconds,
      lastCause: cause,
      lastJob: job,
    };
  }

  noteDelay(milliseconds: number): void {
    this.stalls.delays++;
    this.stalls.delayMilliseconds += milliseconds;
  }
}
