// Conventions of docs/formats.md, the other way round.

import { keyBytes } from "../../keys.ts";
import type { InternalKey } from "../edit-framing.ts";
import { crc32 } from "node:zlib";

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) + 0x80);
  return Buffer.from([...bytes, value]);
}

/** A length and the bytes. */
export function lp(bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

/** An internal key that is stored as one field. */
export function internalKey({ key, sequence, kind }: InternalKey): Buffer {
  return Buffer.concat([lp(keyBytes(key)), varint(sequence), u8(kind)]);
}

/** A field of an edit, or a property. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([varint(tag), lp(Buffer.concat(parts))]);
}

/** The checksum to be stored for bytes that stand at `offset` of a file with this tag. */
export function stored(bytes: Uint8Array, tag: number, offset: number): number {
  return (crc32(bytes) + tag + (offset % 2 ** 32) + Math.floor(offset / 2 ** 32)) % 2 ** 32;
}
