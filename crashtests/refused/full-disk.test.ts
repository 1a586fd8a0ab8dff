// A disk that is full, really: a small file system in memory, filled to its last byte.

import { execFileSync } from "node:child_process";
import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { open } from "tinykv";
import { nodeEnv } from "tinykv/env";
import { expect } from "vitest";
import { imageOf, type DirectoryImage } from "../directory-image.ts";
import { fillSmallStore, SMALL, wrongAnswer } from "../small-store.ts";
import { withDirectory } from "./places.ts";
import { testAsRoot } from "./test-as-root.ts";

/** Room for the store and a little more. */
const DISK = "size=256k";

async function withDisk(use: (directory: string) => void): Promise<void> {
  await withDirectory((directory) => {
    execFileSync("mount", ["-t", "tmpfs", "-o", DISK, "none", directory]);
    try {
      use(directory);
    } finally {
      // Lazily: a test that failed may have left a store open.
      execFileSync("umount", ["--lazy", directory]);
    }
  });
}

/** A file beside the store that takes what is left, byte by byte in the end. */
function fillUp(path: string): void {
  const fd = openSync(path, "w");
  try {
    for (let chunk = 4096; chunk >= 1; chunk = Math.floor(chunk / 2)) {
      while (tryToWrite(fd, Buffer.alloc(chunk)));
    }
  } finally {
    closeSync(fd);
  }
}

function tryToWrite(fd: number, bytes: Buffer): boolean {
  try {
    return writeSync(fd, bytes) === bytes.length;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    return false;
  }
}

/** What was there before and is not the same now; new files may be left by an open that failed by I/O. */
function alteredOrGone(before: DirectoryImage, after: DirectoryImage): string[] {
  return [...before]
    .filter(([name, bytes]) => name !== "LOCK" && !after.get(name)?.equals(bytes))
    .map(([name]) => name);
}

testAsRoot("a full disk: opening is NO_SPACE and alters nothing, reading works, and with room again all is there", () =>
  withDisk((disk) => {
    const store = join(disk, "store");
    const expected = fillSmallStore(nodeEnv, store);
    const filler = join(disk, "filler");
    fillUp(filler);
    const before = imageOf(store);
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => open(store, SMALL)).toThrow(expect.objectContaining({ code: "TINYKV_NO_SPACE" }));
      expect(alteredOrGone(before, imageOf(store))).toEqual([]);
      const reader = open(store, { ...SMALL, readOnly: true });
      expect(wrongAnswer(reader, expected)).toBeUndefined();
      reader.close();
    }
    unlinkSync(filler);
    const db = open(store, SMALL);
    expect(wrongAnswer(db, expected)).toBeUndefined();
    expect(db.verify().problems).toEqual([]);
    db.close();
    const names = [...imageOf(store).keys()].filter((name) => name.endsWith(".tmp") || name.startsWith("MANIFEST-"));
    expect(names).toHaveLength(1);
  }),
);

testAsRoot(
  "a disk that fills up under a writer: the write is NO_SPACE, what was acknowledged is there, reads go on",
  () =>
    withDisk((disk) => {
      const store = join(disk, "store");
      const db = open(store, { ...SMALL, sync: true });
      db.put("first", "value");
      fillUp(join(disk, "filler"));
      const writes: string[] = [];
      let refusal: unknown;
      for (let i = 0; i < 2000 && refusal === undefined; i++) {
        try {
          db.put(`key-${i}`, "x".repeat(100));
          writes.push(`key-${i}`);
        } catch (error) {
          refusal = error;
        }
      }
      expect(refusal).toMatchObject({ code: "TINYKV_NO_SPACE" });
      expect(() => db.put("another", "")).toThrow(expect.objectContaining({ code: "TINYKV_BACKGROUND_ERROR" }));
      expect(db.get("first")?.toString()).toBe("value");
      db.close();
      const reader = open(store, { ...SMALL, readOnly: true });
      expect(writes.filter((key) => !reader.has(key))).toEqual([]);
      reader.close();
    }),
);
