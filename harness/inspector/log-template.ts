// The templates of logs and manifests. What verifies contributes what it says, what does not its bytes.

import { allZeros, rawTemplate, TemplateBuilder, zerosTemplate, type Template } from "./content-template.ts";
import { readFields, type EditField } from "./edit-framing.ts";
import { CLEAN_END, FIRST, FULL } from "./log-chunks.ts";
import { decodeCleanEnd, frameLog, type CleanEndFields, type FramedLog, type LogChunk } from "./log-framing.ts";
import { CHUNK_HEADER_SIZE } from "./log-header.ts";
import { frameManifest, type ManifestState } from "./manifest-framing.ts";
import { placedChecksum, u32At } from "./placed-checksum.ts";
import { logName, manifestName } from "./store-names.ts";

/** Of the log number in a chunk. */
const LOG_NUMBER_OFFSET = 7;

export function logTemplate(bytes: Uint8Array, number: number): Template {
  if (allZeros(bytes)) return { ...zerosTemplate(bytes.length), hollow: true };
  const log = frameLog(bytes, number, "wal");
  if (log.header) return new LogTemplate(bytes, log).finish();
  const template = deadLogTemplate(bytes, number) ?? rawTemplate(bytes, logName(number));
  return { ...template, hollow: log.promise === undefined };
}

// The bytes of a dead log that show in a file which was never written: what they say, under the number that they have.
function deadLogTemplate(bytes: Uint8Array, number: number): Template | undefined {
  if (bytes.length < CHUNK_HEADER_SIZE) return undefined;
  const other = u32At(bytes, LOG_NUMBER_OFFSET);
  if (other === 0 || other === number) return undefined;
  const log = frameLog(bytes, other, "wal");
  return log.header && new LogTemplate(bytes, log).finish();
}

export function manifestTemplate(bytes: Uint8Array, number: number): Template {
  if (allZeros(bytes)) return zerosTemplate(bytes.length);
  const { log, state } = frameManifest(bytes, number);
  return state ? new LogTemplate(bytes, log, state).finish() : rawTemplate(bytes, manifestName(number));
}

class LogTemplate {
  readonly #bytes: Uint8Array;
  readonly #log: FramedLog;
  readonly #builder = new TemplateBuilder();
  readonly #live: Set<number> | undefined;
  /** Of a manifest alone: where its header and records end. */
  readonly #boundaries = new Map<number, number>();

  constructor(bytes: Uint8Array, log: FramedLog, state?: ManifestState) {
    this.#bytes = bytes;
    this.#log = log;
    if (!state) return;
    this.#live = new Set(state.tables.map((table) => table.number));
    this.#boundaries.set(log.header!.end, 0);
    for (const [i, { end }] of log.records.entries()) this.#boundaries.set(end, i + 1);
    this.#builder.roots = { tables: this.#live, logNumber: state.logNumber, boundaries: this.#boundaries };
  }

  finish(): Template {
    this.#header();
    for (const { payload, syncedOffsets } of this.#log.records) {
      this.#builder.text("record", ...this.#positions(syncedOffsets));
      this.#payload(payload);
    }
    for (const { type, syncedOffset } of this.#log.passedOver)
      this.#builder.text("passed over", type, ...this.#positions([syncedOffset]));
    const { cleanEnd } = this.#log;
    if (cleanEnd) this.#cleanEnd(cleanEnd, cleanEnd.syncedOffset);
    this.#tail();
    return this.#builder.finish();
  }

  #header(): void {
    const header = this.#log.header!;
    const builder = this.#builder;
    builder.text(this.#log.kind, header.blockSize, header.predecessorSize, header.lastSequenceBefore);
    builder.bytes(Buffer.from(header.comparatorName));
    builder.bytes(this.#bytes.subarray(header.fieldsEnd, header.end));
    builder.number(header.fileNumber);
    builder.tag(header.tag);
    builder.id(header.databaseId);
    builder.number(header.predecessorNumber);
  }

  // Synced offsets; of several that are the same, as they are in one record, one is enough.
  #positions(offsets: readonly number[]): (string | number)[] {
    const name = (offset: number): string | number => {
      const record = this.#boundaries.get(offset);
      return record === undefined ? offset : `behind record ${record}`;
    };
    return offsets.every((offset) => offset === offsets[0]) ? [name(offsets[0]!)] : offsets.map(name);
  }

  #payload(payload: Uint8Array): void {
    if (!this.#live) {
      this.#builder.bytes(payload);
      return;
    }
    const { fields, stoppedAt } = readFields(payload);
    for (const field of fields) this.#field(field);
    this.#builder.bytes(payload.subarray(stoppedAt));
  }

  #field(field: EditField): void {
    const builder = this.#builder;
    builder.text(field.field);
    switch (field.field) {
      case "databaseId":
        builder.id(field.id);
        break;
      case "logNumber":
      case "nextFileNumber":
        builder.number(field.value);
        break;
      case "newTable": {
        const { number, size, tag, ...rest } = field.table;
        builder.number(number);
        builder.tag(tag);
        // How large a table was that is no longer live is of no use to anyone.
        if (this.#live!.has(number)) builder.sizeOfTable(number, size);
        builder.text(JSON.stringify(rest));
        break;
      }
      case "removedTable":
        builder.text(field.level);
        builder.number(field.number);
        break;
      case "unknown":
        builder.text(field.tag);
        builder.bytes(field.bytes);
        break;
      default:
        builder.text(JSON.stringify(field));
    }
  }

  #cleanEnd({ lastSequence, manifestNumber, manifestSize }: CleanEndFields, syncedOffset: number): void {
    this.#builder.text("clean end", lastSequence, ...this.#positions([syncedOffset]));
    this.#builder.number(manifestNumber);
    this.#builder.sizeOfManifest(manifestNumber, manifestSize);
  }

  // Valid chunks behind the end, and around them the bytes that are none.
  #tail(): void {
    const { offset, chunks } = this.#log.tail;
    let at = offset;
    for (const chunk of chunks) {
      if (chunk.offset < at) continue; // looks valid inside another's payload: told with that
      if (chunk.offset > at) this.#between(at, chunk.offset);
      this.#tailChunk(chunk);
      at = chunk.end;
    }
    if (at < this.#bytes.length) this.#between(at, this.#bytes.length);
  }

  // What an earlier life of a recycled file left: chunks of another number, whose tag their checksum implies. Nothing is
  // taken away by telling them so; the rest is told as it is.
  #between(start: number, end: number): void {
    const { blockSize } = this.#log.header!;
    let at = start;
    while (end - at >= CHUNK_HEADER_SIZE) {
      const number = u32At(this.#bytes, at + LOG_NUMBER_OFFSET);
      const next = at + CHUNK_HEADER_SIZE + this.#bytes[at + 4]! + this.#bytes[at + 5]! * 256;
      const blockEnd = (Math.floor(at / blockSize) + 1) * blockSize;
      if (number === 0 || number === this.#log.number || next > end || next > blockEnd) break;
      const implied = u32At(this.#bytes, at) - placedChecksum(this.#bytes, at + 4, next, 0);
      this.#builder.text("older");
      this.#builder.tag(implied >>> 0);
      this.#builder.number(number);
      this.#builder.bytes(this.#bytes.subarray(at + 4, at + LOG_NUMBER_OFFSET));
      this.#builder.bytes(this.#bytes.subarray(at + LOG_NUMBER_OFFSET + 4, next));
      at = next;
    }
    this.#builder.bytes(this.#bytes.subarray(at, end));
  }

  #tailChunk({ offset, end, type, syncedOffset }: LogChunk): void {
    const payload = this.#bytes.subarray(offset + CHUNK_HEADER_SIZE, end);
    const fields = type === CLEAN_END ? decodeCleanEnd(payload) : undefined;
    this.#builder.text("chunk", type, ...this.#positions([syncedOffset]));
    if (fields) this.#cleanEnd(fields, syncedOffset);
    else if (type === FULL || type === FIRST) this.#payload(payload);
    else this.#builder.bytes(payload);
  }
}
