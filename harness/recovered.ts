// What is left of a full scan when its entries are forgotten: enough to say which state of a history it showed.

import { addBytes, addValue, type Digest, emptyDigest, hashKey } from "./digest.ts";
import { type Key, keyOf } from "./keys.ts";
import { parseValue, SELF_DESCRIBING_BYTES_MIN } from "./values.ts";

export type RecoveredEntry = readonly [Uint8Array, Uint8Array];

export interface RecoveredSummary {
  readonly digest: Digest;
  readonly entries: number;
  /** There is a value that no workload wrote under that key. */
  readonly foreign: boolean;
  /** The first two keys that do not ascend. */
  readonly outOfOrder: readonly [Key, Key] | undefined;
}

/** Reads a scan to its end, or to its first disorder; `visit` is told of every entry. */
export function summarise(
  entries: Iterable<RecoveredEntry>,
  visit?: (key: Key, value: Uint8Array) => void,
): RecoveredSummary {
  const digest = emptyDigest();
  let last: Key | undefined;
  let foreign = false;
  let count = 0;
  for (const [keyBytes, value] of entries) {
    const key = keyOf(keyBytes);
    if (last !== undefined && key <= last) return { digest, entries: count, foreign, outOfOrder: [last, key] };
    last = key;
    count++;
    visit?.(key, value);
    if (!addRecovered(digest, key, value)) foreign = true;
  }
  return { digest, entries: count, foreign, outOfOrder: undefined };
}

// False for a value that no workload writes.
function addRecovered(digest: Digest, key: Key, value: Uint8Array): boolean {
  const hashes = hashKey(key);
  if (value.length < SELF_DESCRIBING_BYTES_MIN) {
    addBytes(digest, hashes, value, value.length, 1);
    return true;
  }
  const written = parseValue(value, key);
  if (written?.key !== key) return false;
  addValue(digest, key, hashes, written, 1);
  return true;
}
