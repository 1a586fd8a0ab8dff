// Keys in the harness are strings of one character a byte (U+0000 to U+00FF, "latin1"). JavaScript compares such strings
// by their bytes, unsigned, a shorter prefix first: the order the model needs, without a line of the engine's code.

/** The bytes of a key, one character each, U+0000 to U+00FF. */
export type Key = string;

export function keyBytes(key: Key): Buffer {
  const { length } = key;
  if (length > WRITE_LOOP_BYTES_MAX) return Buffer.from(key, "latin1");
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = key.charCodeAt(i);
  return bytes;
}

/** Up to this length a loop takes half as long as the call that it saves. */
const WRITE_LOOP_BYTES_MAX = 24;

export function keyOf(bytes: Uint8Array): Key {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Longer keys are compared as strings: making one is then cheaper than a loop. */
const LOOP_BYTES_MAX = 64;

/** Whether `bytes` are the key's. */
export function isKey(bytes: Uint8Array, key: Key): boolean {
  const { length } = bytes;
  if (length !== key.length) return false;
  if (length > LOOP_BYTES_MAX) return keyOf(bytes) === key;
  for (let i = 0; i < length; i++) if (bytes[i] !== key.charCodeAt(i)) return false;
  return true;
}

/** The least key above every key that starts with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: Key): Key | undefined {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length--;
  if (length === 0) return undefined;
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}

/** A set of keys by their bounds. At most one of gt and gte, and one of lt and lte; `prefix` intersects with them. */
export interface KeyRange {
  readonly gt?: Key;
  readonly gte?: Key;
  readonly lt?: Key;
  readonly lte?: Key;
  readonly prefix?: Key;
}
