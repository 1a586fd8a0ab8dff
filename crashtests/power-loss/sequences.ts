// Every short sequence of operations over a small alphabet. The bugs of twenty years of storage engines fit into a few
// operations, if the crash is at the right place: so all of them, at all places.

import type { Op, ValueRef } from "tinykv/harness";

/**
 * Everything so small that one operation reaches it: a memtable of two kilobytes, log blocks of half of one, blocks of a
 * few entries, an index of two levels, a manifest that is rotated every few edits.
 */
const ABSURD =
  "small,writeBufferSize=2048,blockSize=128,logBlockSize=512,indexBlockSize=64,targetFileSize=512,maxBytesForLevelBase=2048,maxManifestFileSize=1024,level0FileNumCompactionTrigger=2";

// A disk tears a page between sectors, and in log blocks of one sector no chunk is ever torn: it is there or it is not. By
// hand the blocks are longer, so that a part of a chunk can be old and the rest new.
export const SEQUENCE_CONFIGS: readonly string[] = [ABSURD, `${ABSURD},background=manual,logBlockSize=2048`];

/** Larger than the memtable: the log rotates and a flush is due. */
const BIG_BYTES = 3000;
const SMALL_BYTES = 40;
/** Three log blocks. */
const BATCH_PUTS = 3;
const BATCH_BYTES = 400;

/** The letters; each makes its operation from its place in the sequence. */
const ALPHABET: Readonly<Record<string, (ids: Ids, config: string) => Op>> = {
  put: (ids) => ({ id: ids.next(), kind: "put", key: "a", value: ids.value(SMALL_BYTES), sync: false }),
  putSync: (ids) => ({ id: ids.next(), kind: "put", key: "b", value: ids.value(SMALL_BYTES), sync: true }),
  big: (ids) => ({ id: ids.next(), kind: "put", key: "a", value: ids.value(BIG_BYTES), sync: false }),
  delete: (ids) => ({ id: ids.next(), kind: "delete", key: "a", sync: false }),
  batch: (ids) => ({
    id: ids.next(),
    kind: "batch",
    changes: [
      { kind: "put", key: "a", value: ids.value(SMALL_BYTES) },
      { kind: "delete", key: "b" },
      { kind: "put", key: "c", value: ids.value(SMALL_BYTES) },
    ],
    sync: false,
  }),
  bigBatch: (ids) => ({
    id: ids.next(),
    kind: "batch",
    changes: Array.from({ length: BATCH_PUTS }, (_, i) => ({
      kind: "put",
      key: "abc"[i]!,
      value: ids.value(BATCH_BYTES),
    })),
    sync: true,
  }),
  flush: (ids) => ({ id: ids.next(), kind: "flush" }),
  step: (ids) => ({ id: ids.next(), kind: "step" }),
  sync: (ids) => ({ id: ids.next(), kind: "sync" }),
  compact: (ids) => ({ id: ids.next(), kind: "compactRange" }),
  snapshot: (ids) => ({ id: ids.next(), kind: "snapshot", snapshot: "s" }),
  release: (ids) => ({ id: ids.next(), kind: "release", snapshot: "s" }),
  reopen: (ids, config) => ({ id: ids.next(), kind: "reopen", config }),
  checkpoint: (ids) => ({ id: ids.next(), kind: "checkpoint", name: `c${ids.next()}` }),
  openReadOnly: (ids) => ({ id: ids.next(), kind: "openReadOnly" }),
  putAsync: (ids) => {
    const id = ids.next();
    return { id, kind: "putAsync", tag: `t${id}`, key: "b", value: ids.value(SMALL_BYTES), sync: true };
  },
  settle: (ids) => ({ id: ids.next(), kind: "settle", nth: 0, outcome: "ok" }),
};

export const LETTERS: readonly string[] = Object.keys(ALPHABET);

export interface Sequence {
  readonly letters: readonly string[];
  readonly ops: readonly Op[];
}

/** Every sequence of one to `length` letters, shorter ones first; reopens keep the configuration. */
export function* sequences(length: number, config: string): Generator<Sequence> {
  for (let letters = 1; letters <= length; letters++) yield* sequencesOf([], letters, config);
}

/** The operations of a sequence of letters. */
export function sequenceOf(letters: readonly string[], config: string): readonly Op[] {
  const ids = new Ids();
  return letters.map((letter) => ALPHABET[letter]!(ids, config));
}

function* sequencesOf(prefix: readonly string[], left: number, config: string): Generator<Sequence> {
  if (left === 0) {
    yield { letters: prefix, ops: sequenceOf(prefix, config) };
    return;
  }
  for (const letter of LETTERS) yield* sequencesOf([...prefix, letter], left - 1, config);
}

/** Operations and values draw from one sequence of ids. */
class Ids {
  #next = 1;

  next(): number {
    return this.#next++;
  }

  value(length: number): ValueRef {
    return { incarnation: 0, id: this.#next++, length };
  }
}
