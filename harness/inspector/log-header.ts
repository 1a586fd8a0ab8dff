// The first chunk of a log. Offsets are the file's; chapter "FILE HEADER" of docs/formats.md.

import { ByteSource, comparatorName, databaseIdOf, FormatProblem } from "./byte-source.ts";
import { placedChecksum, u32At, u64At } from "./placed-checksum.ts";

export type LogKind = "wal" | "manifest";

export interface LogHeader {
  readonly tag: number;
  readonly blockSize: number;
  /** 32 hexadecimal digits. */
  readonly databaseId: string;
  readonly fileNumber: number;
  readonly comparatorName: string;
  /** 0: there is none. All three are 0 in a manifest. */
  readonly predecessorNumber: number;
  readonly predecessorSize: number;
  readonly lastSequenceBefore: number;
  /** Where the fields end that are known; up to `end` stands what a compatible feature has added. */
  readonly fieldsEnd: number;
  /** Where records begin. */
  readonly end: number;
}

export const CHUNK_HEADER_SIZE = 19;
export const BLOCK_SIZE_MIN = 512;
export const BLOCK_SIZE_MAX = 32_768;
export const TYPE_FILE_HEADER = 16;
const FORMAT_VERSION = 1;
const MAGIC = { wal: "TKVW", manifest: "TKVM" } as const;

/** The shortest header that a log of this kind can have: a name of one byte. */
export const SHORTEST_HEADER: Readonly<Record<LogKind, number>> = { wal: 101, manifest: 77 };

/** The header of a file whose name says that it is log `number`. Throws FormatProblem. */
export function readLogHeader(bytes: Uint8Array, number: number, kind: LogKind): LogHeader {
  const end = headerChunkEnd(bytes, number);
  const source = new ByteSource(bytes, CHUNK_HEADER_SIZE, end);
  if (Buffer.from(source.take(4)).toString("latin1") !== MAGIC[kind]) throw new FormatProblem(19, "magic");
  const version = source.u32();
  if (version === 0) throw new FormatProblem(23, "format version 0");
  if (version > FORMAT_VERSION) throw new FormatProblem(23, `format version ${version}`, true);
  if (source.anyBit()) throw new FormatProblem(27, "incompatible features", true);
  const extended = source.anyBit();
  const tag = source.u32();
  if (tag === 0) throw new FormatProblem(43, "tag 0");
  const blockSize = source.u32();
  if (!isBlockSize(blockSize)) throw new FormatProblem(47, `block size ${blockSize}`);
  if (end > blockSize) throw new FormatProblem(0, "a header longer than a block");
  const databaseId = databaseIdOf(source.take(16), 51);
  const fileNumber = source.u64();
  if (fileNumber !== number) throw new FormatProblem(67, `file number ${fileNumber}`);
  const name = comparatorName(source.lp(), 75);
  const predecessorNumber = kind === "wal" ? source.u64() : 0;
  if (predecessorNumber >= number) throw new FormatProblem(source.offset - 8, `predecessor ${predecessorNumber}`);
  const predecessorSize = kind === "wal" ? source.u64() : 0;
  const lastSequenceBefore = kind === "wal" ? source.u64() : 0;
  if (!extended) source.demandEnd();
  return {
    tag,
    blockSize,
    databaseId,
    fileNumber,
    comparatorName: name,
    predecessorNumber,
    predecessorSize,
    lastSequenceBefore,
    fieldsEnd: source.offset,
    end,
  };
}

// The chunk around the fields: its own tag is 0, its synced offset must be, since it is never greater than its place.
function headerChunkEnd(bytes: Uint8Array, number: number): number {
  if (bytes.length < CHUNK_HEADER_SIZE) throw new FormatProblem(0, "too short for a header");
  if (bytes[6] !== TYPE_FILE_HEADER) throw new FormatProblem(6, "no FILE HEADER");
  const end = CHUNK_HEADER_SIZE + bytes[4]! + bytes[5]! * 0x100;
  if (end > bytes.length || end > BLOCK_SIZE_MAX) throw new FormatProblem(4, "a header that reaches beyond its block");
  if (u32At(bytes, 7) !== number % 0x1_0000_0000) throw new FormatProblem(7, "log number");
  if (u64At(bytes, 11) !== 0) throw new FormatProblem(11, "synced offset of a header");
  if (u32At(bytes, 0) !== placedChecksum(bytes, 4, end, 0)) throw new FormatProblem(0, "checksum of the header");
  return end;
}

function isBlockSize(size: number): boolean {
  return size >= BLOCK_SIZE_MIN && size <= BLOCK_SIZE_MAX && (size & (size - 1)) === 0;
}
