// Tables made to cost more than they are: every checksum is right, and a length or a place is a trap. What they may cost
// is counted in bytes read.

import { expect, test } from "vitest";
import { CorruptionError } from "../common/errors.ts";
import { BlockCache } from "./block-cache.ts";
import { IndexBuilder } from "./index-block.ts";
import { encodeProperties } from "./properties.ts";
import {
  BlockName,
  encodeFooter,
  encodeMetaindex,
  FOOTER_BYTES,
  putTrailer,
  TRAILER_BYTES,
  type BlockHandle,
} from "./table-format.ts";
import { TableReader, type TableSource } from "./table-reader.ts";
import { buildTable, bytesOf, bytewiseOrder, FILE_NAME, FILE_NUMBER, openTable, put, TAG } from "./test-tables.ts";

/** A sparse file of `size` bytes: zeros but for its last ones. */
class SparseSource implements TableSource {
  readonly #tail: Uint8Array;
  readonly #tailAt: number;
  bytesAsked = 0;

  constructor(tail: Uint8Array, size: number) {
    this.#tail = tail;
    this.#tailAt = size - tail.length;
  }

  read(buffer: Uint8Array, position: number): number {
    this.bytesAsked += buffer.length;
    buffer.fill(0);
    const from = Math.max(position, this.#tailAt);
    const part = this.#tail.subarray(from - this.#tailAt, Math.max(0, position + buffer.length - this.#tailAt));
    if (part.length > 0) buffer.set(part, from - position);
    return Math.max(0, Math.min(buffer.length, this.#tailAt + this.#tail.length - position));
  }
}

function openSource(source: TableSource, size: number): TableReader {
  return TableReader.open({
    source,
    name: FILE_NAME,
    number: FILE_NUMBER,
    size,
    order: bytewiseOrder,
    cache: new BlockCache(0),
  });
}

/** Lays blocks side by side up to the end of a file of `size` bytes, with its metaindex and footer. */
class TailBuilder {
  readonly #parts: Uint8Array[] = [];
  #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  block(bytes: Uint8Array): BlockHandle {
    const handle = { offset: this.#offset, length: bytes.length };
    const sealed = new Uint8Array(bytes.length + TRAILER_BYTES);
    sealed.set(bytes);
    putTrailer(sealed, bytes.length, TAG, this.#offset);
    this.#parts.push(sealed);
    this.#offset += sealed.length;
    return handle;
  }

  finish(blocks: ReadonlyMap<string, BlockHandle>): { bytes: Buffer; size: number } {
    const metaindex = this.block(encodeMetaindex(blocks));
    const size = this.#offset + FOOTER_BYTES;
    this.#parts.push(encodeFooter({ metaindex, tag: TAG, size, number: FILE_NUMBER }));
    return { bytes: Buffer.concat(this.#parts), size };
  }
}

const PROPERTIES = openTable(buildTable([put("a", 1, "b")])).properties;

test("a file of 100 bytes that claims 2^50 is corruption before anything is allocated", () => {
  for (const claimed of [2 ** 50, 2 ** 53 - 1]) {
    const footer = encodeFooter({
      metaindex: { offset: 0, length: claimed % 2 ** 32 },
      tag: TAG,
      size: claimed,
      number: FILE_NUMBER,
    });
    const file = new Uint8Array(100);
    file.set(footer, 100 - FOOTER_BYTES);
    const source = new SparseSource(file, 100);
    expect(() => openSource(source, 100)).toThrow(CorruptionError);
    expect(source.bytesAsked).toBeLessThan(1000);
  }
});

test("a sparse file of 2^50 bytes whose metaindex, blocks or counts fill it is corruption, cheaply", () => {
  const size = 2 ** 50;
  const length = 2 ** 32 - 1;
  const offset = size - FOOTER_BYTES - TRAILER_BYTES - length;
  const footer = encodeFooter({ metaindex: { offset, length }, tag: TAG, size, number: FILE_NUMBER });
  const vast = new SparseSource(footer, size);
  expect(() => openSource(vast, size)).toThrow(CorruptionError);
  expect(vast.bytesAsked).toBeLessThan(1000);

  const start = size - 4096;
  const counting = new TailBuilder(start);
  const top = new IndexBuilder(1);
  top.add({ key: bytesOf("a"), sequence: 1, kind: 1, offset: 0, length: 2 ** 32 - 1, first: 0 });
  const index = counting.block(top.finish());
  const properties = counting.block(encodeProperties({ ...PROPERTIES, dataBlocks: 2 ** 45 }));
  const table = counting.finish(
    new Map([
      [BlockName.index, index],
      [BlockName.properties, properties],
    ]),
  );
  const source = new SparseSource(table.bytes, table.size);
  expect(() => openSource(source, table.size)).toThrow(/does not fit 35184372088832 data blocks/);
  expect(source.bytesAsked).toBeLessThan(10_000);
});

test("an index whose parts all name one block costs a scan and verify that block once", () => {
  const parts = 500;
  const value = Buffer.alloc(50_000, 1);
  const one = buildTable([put("a", 1, value)], { bloomBitsPerKey: 0 });
  const [data] = [...openTable(one).blocks()];
  const builder = new TailBuilder(data!.length + TRAILER_BYTES);
  const top = new IndexBuilder(1);
  for (let i = 0; i < parts; i++) {
    const partition = new IndexBuilder(0);
    const separator = { key: bytesOf(`b${1000 + i}`), sequence: 1, kind: 1 };
    partition.add({ ...separator, offset: 0, length: data!.length });
    top.add({ ...separator, ...builder.block(partition.finish()), first: i });
  }
  const index = builder.block(top.finish());
  const properties = builder.block(encodeProperties({ ...PROPERTIES, dataBlocks: parts }));
  const tail = builder.finish(
    new Map([
      [BlockName.index, index],
      [BlockName.properties, properties],
    ]),
  );
  const bytes = Buffer.concat([one.bytes.subarray(0, data!.length + TRAILER_BYTES), tail.bytes]);
  const source = new SparseSource(bytes, bytes.length);
  const table = openSource(source, bytes.length);
  const cursor = table.cursor();
  for (const scan of [() => cursor.first(), () => cursor.last()]) {
    source.bytesAsked = 0;
    expect(() => {
      for (scan(); cursor.valid;)
        if (scan.toString().includes("first")) cursor.next();
        else cursor.prev();
    }).toThrow(/data blocks from 0 on instead of/);
    expect(source.bytesAsked).toBeLessThan(3 * data!.length);
  }
  source.bytesAsked = 0;
  const problems: string[] = [];
  table.verify((_, problem) => problems.push(problem));
  expect(problems.some((problem) => problem.startsWith("data at 0 instead of"))).toBe(true);
  expect(source.bytesAsked).toBeLessThan(3 * bytes.length);
});
