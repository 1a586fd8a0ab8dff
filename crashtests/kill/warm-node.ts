// What a short life calls of Node itself. Node's own functions are compiled when they are first called: a hundred of them in
// each life, and none that was called when the startup snapshot was made.

import { randomFillSync } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";

const BYTES = 64;

/** Calls them once, in a directory of its own that it removes. */
export function warmNode(): void {
  warmFiles(warmBuffers());
  warmEvents();
}

function warmBuffers(): Buffer {
  const bytes = Buffer.allocUnsafeSlow(BYTES).fill(0);
  bytes.writeUInt16LE(bytes.readUInt16LE(0), 0);
  bytes.writeUInt32LE(bytes.readUInt32LE(0), 0);
  bytes.writeUIntLE(bytes.readUIntLE(0, 6), 0, 6);
  bytes.writeBigUInt64LE(bytes.readBigUInt64LE(0), 0);
  bytes.writeDoubleLE(bytes.readDoubleLE(0), 0);
  bytes.write("a", 0, "latin1");
  bytes.write("a");
  for (const encoding of ["latin1", "utf8", "hex"] as const) bytes.toString(encoding, 0, 1);
  const copy = Buffer.concat([
    bytes.subarray(0, 1),
    Buffer.from(bytes.buffer, 1, 1),
    Buffer.from([1]),
    Buffer.from("a"),
  ]);
  bytes.copy(copy, 0, 0, Buffer.byteLength("a"));
  bytes.equals(copy);
  bytes.compare(copy);
  bytes.indexOf(1);
  Buffer.compare(bytes, copy);
  return bytes;
}

function warmFiles(bytes: Buffer): void {
  const parent = mkdtempSync(join(tmpdir(), "tinykv-warm-"));
  const directory = join(parent, "a");
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "b");
  const [renamed, linked] = [`${file}c`, `${file}d`];
  const fd = openSync(file, "w+");
  writeSync(fd, bytes, 0, BYTES, 0);
  writeSync(fd, bytes);
  readSync(fd, bytes, 0, BYTES, 0);
  fsyncSync(fd);
  fdatasyncSync(fd);
  ftruncateSync(fd, fstatSync(fd).size - 1);
  closeSync(fd);
  lstatSync(file).isFile();
  statSync(renamed, { throwIfNoEntry: false });
  readFileSync(file);
  readFileSync(file, "utf8");
  renameSync(file, renamed);
  linkSync(renamed, linked);
  for (const { name } of readdirSync(directory, { withFileTypes: true }))
    unlinkSync(resolve(directory, basename(name)));
  existsSync(realpathSync(dirname(file)));
  if (isAbsolute(directory)) readdirSync(directory);
  rmdirSync(directory);
  rmdirSync(parent);
}

// The server is what a lock of a directory listens with.
function warmEvents(): void {
  randomFillSync(Buffer.alloc(4));
  process.nextTick(() => undefined);
  setImmediate(() => undefined);
  const server = createServer();
  server.listen({ path: `\0tinykv-warm-${process.pid}` });
  server.unref();
  server.close();
}
