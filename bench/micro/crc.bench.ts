// CRC-32 by the table in JavaScript against zlib's: nanoseconds a call for each length, and where they cross.
// `node dist/bench/micro/crc.bench.js`. NATIVE_FROM_BYTES in src/common/crc32.ts should be near the crossing.

import { pathToFileURL } from "node:url";
import { crc32 as nativeCrc32 } from "node:zlib";
import { crc32 } from "../../src/common/crc32.ts";

const LENGTHS = [16, 32, 64, 96, 128, 160, 192, 224, 256, 320, 384, 512, 768, 1024, 2048, 4096];
/** The table loop works in pieces below the length from which crc32() calls zlib. */
const PIECE = 64;
const BYTES_PER_ROUND = 8 << 20;
const ROUNDS = 5;

/** Prints a line for each length. */
export function run(): void {
  const bytes = Uint8Array.from({ length: 8192 }, (_, i) => (i * 167) & 0xff);
  console.log("bytes   table ns   zlib ns");
  let crossing: number | undefined;
  for (const length of LENGTHS) {
    const count = Math.ceil(BYTES_PER_ROUND / length);
    const table = median(count, () => tableCrc32(bytes, length));
    const native = median(count, () => nativeCrc32(bytes.subarray(0, length)));
    if (native < table) crossing ??= length;
    console.log(`${String(length).padStart(5)}${table.toFixed(0).padStart(11)}${native.toFixed(0).padStart(10)}`);
  }
  console.log(`zlib is faster from ${crossing ?? "no length"} on`);
}

function tableCrc32(bytes: Uint8Array, length: number): number {
  let crc = 0;
  for (let at = 0; at < length; at += PIECE) crc = crc32(bytes, at, Math.min(length, at + PIECE), crc);
  return crc;
}

/** Keeps results alive: a loop whose result nobody sees may be left out by the compiler. */
let sink = 0;

/** Nanoseconds a call. */
function median(count: number, action: () => number): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (let i = 0; i < count; i++) sink ^= action();
    return ((performance.now() - start) * 1e6) / count;
  });
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) run();
