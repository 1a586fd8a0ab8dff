// Where the chunks and records of a sound log stand: by the few fields that this takes, not by the engine's reader.

/** The chunk's header: 4 checksum, 2 length, 1 type, 4 log number, 8 synced offset. */
const CHUNK_HEADER_BYTES = 19;
/** As the subject's options have it. */
const BLOCK_BYTES = 512;
const FIRST = 2;
const LAST = 4;
const FULL = 1;

export interface ChunkPlace {
  /** Of the zeros before it, if it is the first of its block and there are any; else its own. */
  readonly start: number;
  readonly offset: number;
  readonly end: number;
  readonly type: number;
  readonly synced: number;
}

export interface LogRecordPlace {
  readonly file: string;
  /** Padding before it included. */
  readonly start: number;
  /** Of its first chunk. */
  readonly offset: number;
  readonly end: number;
}

/** All chunks, the file header first, up to CLEAN END or to where something else begins. */
export function chunksOf(file: string, bytes: Buffer): ChunkPlace[] {
  const number = Number(/\d{6}/.exec(file)?.[0]);
  const chunks: ChunkPlace[] = [];
  for (let start = 0; ;) {
    const left = BLOCK_BYTES - (start % BLOCK_BYTES);
    const offset = left < CHUNK_HEADER_BYTES ? start + left : start;
    if (offset + CHUNK_HEADER_BYTES > bytes.length || bytes.readUInt32LE(offset + 7) !== number) return chunks;
    const end = offset + CHUNK_HEADER_BYTES + bytes.readUInt16LE(offset + 4);
    const type = bytes[offset + 6]!;
    chunks.push({ start, offset, end, type, synced: bytes.readUInt32LE(offset + 11) });
    start = end;
  }
}

export function recordsOf(file: string, bytes: Buffer): LogRecordPlace[] {
  const records: LogRecordPlace[] = [];
  let first: ChunkPlace | undefined;
  for (const chunk of chunksOf(file, bytes)) {
    const { type, end } = chunk;
    if (type === FULL || type === FIRST) first = chunk;
    if (first && (type === FULL || type === LAST)) {
      records.push({ file, start: first.start, offset: first.offset, end });
    }
  }
  return records;
}
