// Searching sorted keys under byte order without looking at them: what all of them begin with is compared once, and the
// four bytes behind it, as one big-endian number, decide almost every step of a binary search by a comparison of integers.

/** The four bytes of a key from `start` on as an unsigned number, zeros for those behind `end`: it orders as the bytes do, or says equal. */
export function headOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= 4)
    return ((bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!) >>> 0;
  let head = 0;
  for (let i = 0; i < 4; i++) head = (head << 8) | (start + i < end ? bytes[start + i]! : 0);
  return head >>> 0;
}

/** headOf() of six bytes: exact in a double. */
export function wideHeadOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start >= 6) {
    const high = (bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!;
    const low = (bytes[start + 3]! << 16) | (bytes[start + 4]! << 8) | bytes[start + 5]!;
    return high * 0x100_0000 + low;
  }
  let head = 0;
  for (let i = 0; i < 6; i++) head = head * 256 + (start + i < end ? bytes[start + i]! : 0);
  return head;
}
