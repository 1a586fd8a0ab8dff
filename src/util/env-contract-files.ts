// The part of the contract about what is in files.

import {
  ANY_BARRIER,
  bytesOf,
  check,
  checkEqual,
  checkFails,
  textAt,
  textOf,
  withFile,
  writeFile,
  type ContractCase,
} from "./env-contract-checks.ts";
import { readFully, writeFully } from "./file-io.ts";

/** Larger than a page, a cluster and a first allocation, and not a multiple of any. */
const LARGE_BYTES = 300_007;

export const fileCases: readonly ContractCase[] = [
  {
    name: "what was written is read back, by the same handle and by another",
    run(env, directory) {
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        writeFully(file, bytesOf("hello"), 0);
        checkEqual(textOf(file), "hello", "what the writer reads");
        checkEqual(textAt(env, `${directory}/a`), "hello", "what a second handle reads");
      });
      checkEqual(textAt(env, `${directory}/a`), "hello", "what is read after close");
    },
  },
  {
    name: "a large file comes back byte for byte, however short the counts are",
    run(env, directory) {
      const written = Uint8Array.from({ length: LARGE_BYTES }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        writeFully(file, written, 0);
        const read = new Uint8Array(LARGE_BYTES);
        checkEqual(readFully(file, read, 0), LARGE_BYTES, "the count of bytes read");
        check(Buffer.compare(read, written) === 0, "a large file changes on its way");
      });
    },
  },
  {
    name: "a read returns as many bytes as it put into the buffer, and touches no byte behind them",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abcdef");
      withFile(env.open(`${directory}/a`, "r"), (file) => {
        const buffer = Buffer.alloc(8, "#");
        const count = file.read(buffer, 2);
        check(count >= 1 && count <= 4, `a read of 8 bytes with 4 left returns ${count}`);
        checkEqual(buffer.toString("latin1"), "cdef".slice(0, count).padEnd(8, "#"), "the buffer");
      });
    },
  },
  {
    name: "reads stop at the end of the file; at and behind it they return 0",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      withFile(env.open(`${directory}/a`, "r"), (file) => {
        checkEqual(readFully(file, new Uint8Array(10), 1), 2, "a read across the end");
        checkEqual(file.read(new Uint8Array(10), 3), 0, "a read at the end");
        checkEqual(file.read(new Uint8Array(10), 1_000_000), 0, "a read far behind the end");
        checkEqual(file.read(new Uint8Array(0), 0), 0, "a read of nothing");
      });
    },
  },
  {
    name: "views into larger buffers are read into and written from at their own place",
    run(env, directory) {
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        writeFully(file, bytesOf("..middle..").subarray(2, 8), 0);
        const around = Buffer.alloc(10, ".");
        readFully(file, around.subarray(2, 8), 0);
        checkEqual(around.toString("latin1"), "..middle..", "the buffer around the view");
      });
    },
  },
  {
    name: "the caller may change its buffer after a write",
    run(env, directory) {
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        const buffer = Buffer.from("abc");
        writeFully(file, buffer, 0);
        buffer.fill("x");
        checkEqual(textOf(file), "abc", "the file");
      });
    },
  },
  {
    name: "a write in the middle changes those bytes only",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abcdef");
      withFile(env.open(`${directory}/a`, "rw"), (file) => {
        writeFully(file, bytesOf("XY"), 2);
        checkEqual(textOf(file), "abXYef", "the file");
        writeFully(file, bytesOf("ZZZ"), 5);
        checkEqual(textOf(file), "abXYeZZZ", "the file after a write across its end");
      });
    },
  },
  {
    name: "a write behind the end fills the gap with zeros",
    run(env, directory) {
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        writeFully(file, bytesOf("a"), 0);
        writeFully(file, bytesOf("b"), 4);
        checkEqual(textOf(file), "a\0\0\0b", "the file");
        writeFully(file, bytesOf("c"), 10_000);
        checkEqual(textOf(file), `a\0\0\0b${"\0".repeat(9_995)}c`, "the file with a large gap");
      });
    },
  },
  {
    name: "an empty write changes nothing, behind the end neither",
    run(env, directory) {
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        checkEqual(file.write(new Uint8Array(0), 100), 0, "the count of an empty write");
        checkEqual(file.size(), 0, "the size");
      });
    },
  },
  {
    name: "size is what was written, and stat says the same",
    run(env, directory) {
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        checkEqual(file.size(), 0, "the size of a new file");
        writeFully(file, bytesOf("abc"), 7);
        checkEqual(file.size(), 10, "the size");
        checkEqual(env.stat(`${directory}/a`).size, 10, "the size that stat gives");
      });
    },
  },
  {
    name: "truncate cuts, and what is cut never comes back",
    run(env, directory) {
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        writeFully(file, bytesOf("abcdef"), 0);
        file.truncate(2);
        checkEqual(textOf(file), "ab", "the cut file");
        file.truncate(4);
        checkEqual(textOf(file), "ab\0\0", "the file that grew again");
        file.truncate(1);
        writeFully(file, bytesOf("z"), 3);
        checkEqual(textOf(file), "a\0\0z", "the file cut and written behind its end");
      });
    },
  },
  {
    name: "truncate to a larger size fills with zeros",
    run(env, directory) {
      withFile(env.open(`${directory}/a`, "wx"), (file) => {
        file.truncate(20_000);
        checkEqual(file.size(), 20_000, "the size");
        checkEqual(textOf(file), "\0".repeat(20_000), "the file");
      });
    },
  },
  {
    name: "a handle opened with r refuses to write and to truncate",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      withFile(env.open(`${directory}/a`, "r"), (file) => {
        checkFails(() => file.write(bytesOf("x"), 0), ["EBADF", "EPERM"], "write");
        checkFails(() => file.truncate(0), ["EINVAL", "EBADF", "EPERM"], "truncate");
        checkEqual(textOf(file), "abc", "the file");
      });
    },
  },
  {
    name: "two handles of one file see each other's writes at once",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      withFile(env.open(`${directory}/a`, "rw"), (one) =>
        withFile(env.open(`${directory}/a`, "rw"), (other) => {
          writeFully(one, bytesOf("X"), 0);
          checkEqual(textOf(other), "Xbc", "the other handle's view");
          other.truncate(1);
          checkEqual(one.size(), 1, "the size by the first handle");
        }),
      );
    },
  },
  {
    name: "after close every call fails",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      const file = env.open(`${directory}/a`, "rw");
      file.close();
      checkFails(() => file.read(new Uint8Array(1), 0), ["EBADF"], "read");
      checkFails(() => file.write(new Uint8Array(1), 0), ["EBADF"], "write");
      checkFails(() => file.sync(ANY_BARRIER), ["EBADF"], "sync");
      checkFails(() => file.truncate(0), ["EBADF"], "truncate");
      checkFails(() => file.size(), ["EBADF"], "size");
      checkEqual(textAt(env, `${directory}/a`), "abc", "the file");
    },
  },
  {
    name: "a second close fails and closes nobody else's file",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      const closed = env.open(`${directory}/a`, "r");
      closed.close();
      // The system gives the lowest free descriptor: this file very likely has the number of the closed one.
      withFile(env.open(`${directory}/a`, "r"), (file) => {
        checkFails(() => closed.close(), ["EBADF"], "a second close");
        checkEqual(textOf(file), "abc", "what the open handle reads");
      });
    },
  },
  {
    name: "sync and syncAsync return, with nothing to sync too, and through a handle opened with r",
    async run(env, directory) {
      const file = env.open(`${directory}/a`, "wx");
      file.sync(ANY_BARRIER);
      writeFully(file, bytesOf("abc"), 0);
      file.sync(ANY_BARRIER);
      await file.syncAsync(ANY_BARRIER);
      await Promise.all([file.syncAsync(ANY_BARRIER), file.syncAsync(ANY_BARRIER)]);
      file.close();
      const reader = env.open(`${directory}/a`, "r");
      reader.sync(ANY_BARRIER);
      checkEqual(textOf(reader), "abc", "the file");
      reader.close();
    },
  },
  {
    name: "a syncAsync that is under way when its file is closed completes and harms no other file",
    async run(env, directory) {
      const file = env.open(`${directory}/a`, "wx");
      writeFully(file, bytesOf("abc"), 0);
      const synced = file.syncAsync(ANY_BARRIER);
      file.close();
      const others = Array.from({ length: 8 }, (_, i) => env.open(`${directory}/other-${i}`, "wx"));
      await synced;
      for (const other of others) {
        writeFully(other, bytesOf("x"), 0);
        other.close();
      }
      checkEqual(textAt(env, `${directory}/a`), "abc", "the file");
    },
  },
  {
    name: "a syncAsync of a closed file is a rejection, not an exception",
    async run(env, directory) {
      const file = env.open(`${directory}/a`, "wx");
      file.close();
      const outcome = await file.syncAsync(ANY_BARRIER).then(
        () => "success",
        () => "rejection",
      );
      checkEqual(outcome, "rejection", "the outcome");
    },
  },
];
