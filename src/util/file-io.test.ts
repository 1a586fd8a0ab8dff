import { expect, test } from "vitest";
import { readFully, writeFully } from "./file-io.ts";
import type { FileHandle } from "./env.ts";
import { MemoryEnv } from "./memory-env.ts";

/** A file whose calls move `counts[i]` bytes at most, the i-th call. */
function grudging(counts: number[]): FileHandle {
  const file = new MemoryEnv().open("/a", "wx");
  let calls = 0;
  const shorten = (buffer: Uint8Array): Uint8Array => buffer.subarray(0, counts[calls++] ?? buffer.length);
  return Object.assign(Object.create(file) as FileHandle, {
    read: (buffer: Uint8Array, position: number) => file.read(shorten(buffer), position),
    write: (buffer: Uint8Array, position: number) => file.write(shorten(buffer), position),
    size: () => file.size(),
  });
}

test("a write goes on where the last one stopped", () => {
  const file = grudging([3, 1, 1]);
  writeFully(file, Buffer.from("0123456789"), 2);
  const buffer = Buffer.alloc(12);
  expect(readFully(file, buffer, 0)).toBe(12);
  expect(buffer.toString("latin1")).toBe("\0\x000123456789");
});

test("a write that takes nothing is an IO_ERROR, at its start and later", () => {
  expect(() => writeFully(grudging([0]), Buffer.from("abc"), 0)).toThrow(/a write of 3 bytes wrote nothing/);
  expect(() => writeFully(grudging([2, 0]), Buffer.from("abc"), 0)).toThrow(
    expect.objectContaining({ code: "TINYKV_IO_ERROR", message: "a write of 1 bytes wrote nothing" }),
  );
});

test("a read goes on until the buffer is full or the file ends", () => {
  const file = grudging([10, 2, 3]);
  writeFully(file, Buffer.from("0123456789"), 0);
  const buffer = Buffer.alloc(8);
  expect(readFully(file, buffer, 1)).toBe(8);
  expect(buffer.toString("latin1")).toBe("12345678");
  expect(readFully(file, buffer, 7)).toBe(3);
  expect(readFully(file, buffer, 10)).toBe(0);
});

test("empty buffers end at once", () => {
  const file = grudging([]);
  writeFully(file, new Uint8Array(0), 0);
  expect(readFully(file, new Uint8Array(0), 0)).toBe(0);
});
