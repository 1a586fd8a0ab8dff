// What a possibly damaged table says of itself. Each part is read alone, and one that is not where it should be, or whose
// pointer cannot be read, is looked for:
//
//   footer       in the last 72 bytes; else wherever the magic stands (bytes may have come behind the table)
//   properties   by the metaindex; else by their first fields: they hold the tag that their own checksum is placed with
//   metaindex    by the footer; else as what ends where the footer starts
//   tag          footer, else what the caller knows, else properties, else what two data blocks agree about
//
// All are verified by placed checksums, so nothing that merely looks like a part, in a value for one, is taken for it.

import { crc32, placedChecksum } from "../common/crc32.ts";
import { badBytesProblem, CorruptionError } from "../common/errors.ts";
import type { BlockFile } from "./block-file.ts";
import { decodeProperties } from "./properties.ts";
import {
  BlockName,
  checkTrailer,
  decodeFooter,
  decodeMetaindex,
  FOOTER_BYTES,
  TRAILER_BYTES,
  type BlockHandle,
  type Footer,
  type TableProperties,
} from "./table-format.ts";

/** Bytes looked at in one piece: the cost of the call no longer shows. */
const WINDOW_BYTES = 1 << 20;
const MAGIC = Buffer.from("TinyKVst");
/** How properties start: the field of the database id, its 16 bytes, the field of the comparator's name. */
const PROPERTIES_START = Buffer.from([0x02, 0x10]);
const COMPARATOR_FIELD_AT = 18;
const COMPARATOR_FIELD = 0x0c;
/** Read at first to see whether properties start somewhere; their lists of tables may make them longer. */
const PROPERTIES_BYTES_AT_FIRST = 4 << 10;
/** Places that start like properties and are none may cost so many bytes of reading, as often as the file's size. */
const WASTE_FACTOR = 8;
/** Four names and their handles take less than 100 bytes; more would be names of later versions. */
const METAINDEX_BYTES_MOST = 512;

export interface FoundProperties {
  readonly properties: TableProperties;
  readonly handle: BlockHandle;
}

/** Undefined if `action` finds bytes that are damaged or of a newer version, which `report` is told. */
export function attempt<T>(action: () => T, report?: (problem: string) => void): T | undefined {
  try {
    return action();
  } catch (error) {
    const problem = badBytesProblem(error);
    if (problem === undefined) throw error;
    report?.(problem);
    return undefined;
  }
}

/**
 * The footer in the last bytes of the file. Throws FORMAT_UNSUPPORTED for one that verifies and asks for a newer version.
 */
export function footerAtEnd(file: BlockFile, report: (problem: string) => void): Footer | undefined {
  const offset = file.size - FOOTER_BYTES;
  if (offset >= 0) return footerAt(file, offset, report);
  report(`a table of ${file.size} bytes`);
  return undefined;
}

/** A footer somewhere before the last bytes of the file: the last one that verifies at its place. */
export function footerInside(file: BlockFile): Footer | undefined {
  let found: Footer | undefined;
  for (const { bytes, start } of windows(file, MAGIC.length - 1)) {
    for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
      const offset = start + at + MAGIC.length - FOOTER_BYTES;
      if (offset >= 0) found = footerAt(file, offset, () => undefined) ?? found;
    }
  }
  return found;
}

function footerAt(file: BlockFile, offset: number, report: (problem: string) => void): Footer | undefined {
  try {
    return decodeFooter(file.read(offset, FOOTER_BYTES), offset, file.name);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    report(error.problem);
    return undefined;
  }
}

/** The metaindex of a table whose footer, in the last bytes, cannot be read, but whose tag is known. */
export function metaindexBeforeFooter(file: BlockFile): BlockHandle | undefined {
  const end = file.size - FOOTER_BYTES - TRAILER_BYTES;
  const most = Math.min(METAINDEX_BYTES_MOST, end);
  if (most < 1) return undefined;
  const bytes = file.read(end - most, most + TRAILER_BYTES);
  for (let length = 1; length <= most; length++) {
    const handle = { offset: end - length, length };
    const block = bytes.subarray(most - length);
    // Hundreds are looked at: an error for each of them would cost more than all the rest.
    if (!hasChecksum(block, length, file.tag, handle.offset)) continue;
    // Other blocks may read as one: the end of a truncated file is the end of any block.
    const isIt = attempt(() => {
      checkTrailer(block, length, file.tag, handle.offset, file.name);
      const handles = decodeMetaindex(block.subarray(0, length), handle.offset, file.name);
      return handles.has(BlockName.index) && handles.has(BlockName.properties);
    });
    if (isIt) return handle;
  }
  return undefined;
}

function hasChecksum(bytes: Uint8Array, length: number, tag: number, offset: number): boolean {
  const at = length + 1;
  const stored = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
  return stored === placedChecksum(crc32(bytes, 0, at), tag, offset);
}

/** Properties anywhere in the file that verify with the tag that they name, which is `tag` if that is known. */
export function searchProperties(file: BlockFile, tag: number | undefined): FoundProperties | undefined {
  let waste = WASTE_FACTOR * file.size;
  for (const { bytes, start } of windows(file, COMPARATOR_FIELD_AT)) {
    for (let at = bytes.indexOf(PROPERTIES_START); at >= 0; at = bytes.indexOf(PROPERTIES_START, at + 1)) {
      if (bytes[at + COMPARATOR_FIELD_AT] !== COMPARATOR_FIELD) continue;
      const found = propertiesAt(file, start + at, (length) => (waste -= length) >= 0);
      if (found && (tag === undefined || tag === found.properties.tag)) return found;
      if (waste < 0) return undefined;
    }
  }
  return undefined;
}

function propertiesAt(file: BlockFile, offset: number, spend: (bytes: number) => boolean): FoundProperties | undefined {
  for (let length = PROPERTIES_BYTES_AT_FIRST; ; length *= 2) {
    const available = Math.min(length, file.size - offset);
    if (!spend(available)) return undefined;
    const bytes = file.read(offset, available);
    const end = fieldsEnd(bytes);
    if (end !== undefined && end + TRAILER_BYTES <= available) {
      const properties = attempt(() => {
        const decoded = decodeProperties(bytes.subarray(0, end), offset, file.name);
        checkTrailer(bytes, end, decoded.tag, offset, file.name);
        return decoded;
      });
      return properties && { properties, handle: { offset, length: end } };
    }
    if (available < length) return undefined;
  }
}

// Where a list of fields ends: at the trailer, whose first byte, no compression, is the tag of no field. Undefined if the
// bytes end sooner.
function fieldsEnd(bytes: Uint8Array): number | undefined {
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    at++; // properties that this version writes have tags below 128
    let length = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 0x1_0000_0000) return undefined;
      length += (byte & 0x7f) * scale;
      if (byte < 128) break;
    }
    at += length;
  }
  return at < bytes.length ? at : undefined;
}

// The file piece by piece, each with the first `overlap` bytes of the next.
function* windows(file: BlockFile, overlap: number): Generator<{ bytes: Buffer; start: number }> {
  for (let start = 0; start < file.size; start += WINDOW_BYTES) {
    const bytes = file.read(start, Math.min(WINDOW_BYTES + overlap, file.size - start));
    yield { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), start };
  }
}
