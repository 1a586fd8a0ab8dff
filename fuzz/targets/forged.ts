// Whether bytes were written rather than damaged: somewhere stands a chunk, a block, a footer or a CURRENT that verifies and
// is not what the store had written at that place.

import { CorruptionError, TinyKVError } from "tinykv";
import {
  BlockCache,
  CHUNK_HEADER_BYTES,
  chunks,
  crc32,
  decodeCurrent,
  decodeFooter,
  FOOTER_BYTES,
  parseFileName,
  placedChecksum,
  TableReader,
  TRAILER_BYTES,
} from "tinykv/formats";
import { fileOf, sourceOf } from "../files.ts";
import { sameBytes } from "../target.ts";
import { BYTEWISE } from "./values.ts";
import type { Files } from "./store-image.ts";

export function isForged(files: Files, originals: Files): boolean {
  return [...files].some(([name, bytes]) => {
    const original = originals.get(name) ?? new Uint8Array(0);
    return !sameBytes(bytes, original) && isForgedFile(name, bytes, original);
  });
}

function isForgedFile(name: string, bytes: Uint8Array, original: Uint8Array): boolean {
  const parsed = parseFileName(name);
  switch (parsed.kind) {
    case "current":
      return verifies(() => decodeCurrent(bytes));
    case "log":
      return isForgedLog(name, parsed.number, "wal", bytes, original);
    case "manifest":
      return isForgedLog(name, parsed.number, "manifest", bytes, original);
    case "table":
      return isForgedTable(name, parsed.number, bytes, original);
    default:
      return false;
  }
}

/** That it is of a later version is said only of what verifies. */
function verifies(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof CorruptionError) return false;
    if (error instanceof TinyKVError) return true;
    throw error;
  }
}

function isForgedLog(
  name: string,
  number: number,
  kind: "wal" | "manifest",
  bytes: Uint8Array,
  original: Uint8Array,
): boolean {
  try {
    for (const { ok, offset, length } of chunks({ file: fileOf(bytes), name, number, kind })) {
      const end = offset + CHUNK_HEADER_BYTES + length;
      if (ok && !sameBytes(bytes.subarray(offset, end), original.subarray(offset, end))) return true;
    }
    return false;
  } catch (error) {
    if (error instanceof TinyKVError) return true;
    throw error;
  }
}

// The footer says where the metaindex is, that where the index is, and that where all else is: as long as none of them is
// forged, every block is looked for where it was.
function isForgedTable(name: string, number: number, bytes: Uint8Array, original: Uint8Array): boolean {
  const footerAt = bytes.length - FOOTER_BYTES;
  if (footerAt < 0) return false;
  const footer = bytes.subarray(footerAt);
  const isOwn = bytes.length === original.length && sameBytes(footer, original.subarray(footerAt));
  if (!isOwn) return verifies(() => decodeFooter(footer, footerAt, name));
  const table = TableReader.open({
    source: sourceOf(original),
    name,
    number,
    size: original.length,
    order: BYTEWISE,
    cache: new BlockCache(0),
  });
  const { tag } = table.properties;
  return [...table.blocks()].some(({ offset, length, kind }) => {
    const end = offset + length + 1;
    if (kind === "footer" || sameBytes(bytes.subarray(offset, end + 4), original.subarray(offset, end + 4)))
      return false;
    const stored = Buffer.from(bytes.subarray(end, end + TRAILER_BYTES - 1)).readUInt32LE();
    return stored === placedChecksum(crc32(bytes, offset, end), tag, offset);
  });
}
