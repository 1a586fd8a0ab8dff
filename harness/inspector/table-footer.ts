// The last 72 bytes of a table.

import { crc32 } from "node:zlib";
import { ByteSource, FormatProblem } from "./byte-source.ts";
import { placement, u32At } from "./placed-checksum.ts";

export interface Footer {
  /** Where it starts: blocks end there. */
  readonly offset: number;
  readonly metaindexOffset: number;
  readonly metaindexLength: number;
  readonly tag: number;
  readonly fileSize: number;
  readonly fileNumber: number;
}

export const FOOTER_SIZE = 72;
export const TRAILER_SIZE = 5;
const ZERO_CHECKSUM = new Uint8Array(4);

/** Magic, then checksum, then everything else. Throws FormatProblem. */
export function readFooter(bytes: Uint8Array): Footer {
  const start = bytes.length - FOOTER_SIZE;
  if (start < 0) throw new FormatProblem(0, "too short for a footer");
  const magic = Buffer.from(bytes.subarray(start + 64)).toString("latin1");
  if (magic !== "TinyKVst") throw new FormatProblem(start + 64, "magic");
  const tag = u32At(bytes, start + 36);
  const plain = crc32(bytes.subarray(start + 60), crc32(ZERO_CHECKSUM, crc32(bytes.subarray(start, start + 56))));
  if (u32At(bytes, start + 56) !== (plain + placement(tag, start)) >>> 0)
    throw new FormatProblem(start + 56, "checksum of the footer");
  const source = new ByteSource(bytes, start);
  if (source.u8() !== 1) throw new FormatProblem(start, "checksum type", true);
  demandZero(source, 3);
  const version = source.u32();
  if (version !== 1) throw new FormatProblem(start + 4, `format version ${version}`, true);
  if (source.anyBit()) throw new FormatProblem(start + 8, "incompatible features", true);
  source.take(8); // compatible features change nothing that is read here
  const metaindexOffset = source.u64();
  const metaindexLength = source.u32();
  source.take(4);
  const fileSize = source.u64();
  const fileNumber = source.u64();
  source.take(4);
  demandZero(source, 4);
  if (tag === 0) throw new FormatProblem(start + 36, "tag 0");
  if (fileSize !== bytes.length) throw new FormatProblem(start + 40, `file size ${fileSize}`);
  if (fileNumber === 0) throw new FormatProblem(start + 48, "file number 0");
  if (metaindexOffset + metaindexLength + TRAILER_SIZE !== start)
    throw new FormatProblem(start + 24, "a metaindex that does not end where the footer starts");
  return { offset: start, metaindexOffset, metaindexLength, tag, fileSize, fileNumber };
}

function demandZero(source: ByteSource, count: number): void {
  const { offset } = source;
  if (source.take(count).some((byte) => byte !== 0)) throw new FormatProblem(offset, "not zero");
}
