// What is stored, and what each key must hold: both sides compute it, nothing is remembered.

/** One store of the run. */
export interface Plan {
  readonly name: string;
  readonly directory: string;
  readonly entries: number;
  readonly valueBytes: number;
  /** Entries in a batch: one write to the log, one acknowledgement. */
  readonly batchEntries: number;
}

export const KEY_BYTES = 16;

const GIB = 1 << 30;
const MIB = 1 << 20;

interface Shape {
  readonly name: string;
  readonly bytes: number;
  readonly valueBytes: number;
  readonly batchEntries: number;
}

// Batches of about a quarter of a megabyte: large enough that acknowledgements cost nothing, small beside a memtable.
const SHAPES: readonly Shape[] = [
  { name: "1 GiB in values of 10 KiB", bytes: GIB, valueBytes: 10 << 10, batchEntries: 25 },
  { name: "256 MiB in values of 100 bytes", bytes: 256 * MIB, valueBytes: 100, batchEntries: 2500 },
];

/** The stores of a run; `scale` 1 is the full size. */
export function plansFor(scale: number, directoryOf: (index: number) => string): Plan[] {
  return SHAPES.map(({ name, bytes, valueBytes, batchEntries }, index) => ({
    name,
    directory: directoryOf(index),
    entries: Math.max(batchEntries, Math.floor((bytes * scale) / valueBytes)),
    valueBytes,
    batchEntries,
  }));
}

/** Multiplying by an odd constant modulo 2^32 permutes: keys come in no order and none twice. */
const SCATTER = 0x9e3779b1;

/** The key of an entry, which says its number. */
export function keyOf(index: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  key.writeUInt32BE(Math.imul(index, SCATTER) >>> 0, 0);
  key.write(String(index).padStart(KEY_BYTES - 4, "0"), 4, "latin1");
  return key;
}

/** The number of an entry by its key. */
export function indexOf(key: Buffer): number {
  return Number(key.toString("latin1", 4));
}

/** Fills `value` for an entry: its number first, then bytes that differ from those of every other entry. */
export function fillValue(value: Buffer, index: number): void {
  let state = (index + 1) | 0;
  const words = value.length & ~3;
  for (let at = 0; at < words; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    value.writeInt32LE(state, at);
  }
  value.fill(index & 0xff, words);
  value.writeUInt32LE(index, 0);
}
