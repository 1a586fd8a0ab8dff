import { CHUNK_HEADER_BYTES, chunkLogNumber } from "./log-format.ts";
import { blockEnd, chunkProblem, chunkSyncedOffset, findChunk, skipPadding, type ChunkIdentity } from "./log-scan.ts";
import { LogWindow, readHeader, sizeOf, type LogSource } from "./log-window.ts";

/** A chunk as it stands in a log; of a bad one the fields are what its bytes say, 0 where there are none. */
export interface LogChunk {
  readonly offset: number;
  readonly type: number;
  /** Of the payload, bytes. */
  readonly length: number;
  readonly syncedOffset: number;
  readonly logNumber: number;
  readonly ok: boolean;
  readonly problem?: string;
}

/**
 * Every chunk of a log from its header to the physical end, for people to look at. A bad one is followed by the next that
 * is valid, wherever that is. Without a valid header there is only the bad chunk at 0.
 *
 * Throws FORMAT_UNSUPPORTED and IO_ERROR as LogReader.open does.
 */
export function* chunks(source: LogSource): Generator<LogChunk> {
  const size = sizeOf(source);
  const window = new LogWindow(source.file, source.name, size);
  const { header, end, problem } = { end: 0, ...readHeader(source, size) };
  yield describeChunk(window, 0, problem);
  if (!header) return;
  const identity = { logNumber: chunkLogNumber(source.number), tag: header.tag, blockSize: header.blockSize };
  for (let next: number | undefined = end; next !== undefined && next < window.end;) {
    const chunk = chunkAt(window, next, identity);
    yield chunk;
    next = chunk.ok
      ? chunk.offset + CHUNK_HEADER_BYTES + chunk.length
      : findChunk(window, chunk.offset, identity, () => true);
  }
}

function chunkAt(window: LogWindow, position: number, { blockSize, logNumber, tag }: ChunkIdentity): LogChunk {
  const offset = skipPadding(window, position, blockSize);
  if (offset < 0 || offset >= window.end)
    return describeChunk(window, position, "padding that is not zero or not all there");
  const at = window.load(offset);
  const end = blockEnd(window, at, blockSize);
  return describeChunk(window, offset, chunkProblem(window.bytes, window.view, at, end, offset, logNumber, tag));
}

function describeChunk(window: LogWindow, offset: number, problem: string | undefined): LogChunk {
  const outcome = problem === undefined ? { ok: true } : { ok: false, problem };
  const at = offset < window.end ? window.load(offset) : 0;
  if (at + CHUNK_HEADER_BYTES > window.length)
    return { offset, type: 0, length: 0, syncedOffset: 0, logNumber: 0, ...outcome };
  const { view } = window;
  return {
    offset,
    type: view.getUint8(at + 6),
    length: view.getUint16(at + 4, true),
    syncedOffset: chunkSyncedOffset(view, at),
    logNumber: view.getUint32(at + 7, true),
    ...outcome,
  };
}
