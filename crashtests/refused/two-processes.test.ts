import { open } from "tinykv";
import { expect, test } from "vitest";
import { differences, imageOf } from "../directory-image.ts";
import { SMALL, wrongAnswer } from "../small-store.ts";
import { startOpener } from "./opener.ts";
import { withStore } from "./places.ts";

test("a second process is refused with the pid of the first, and changes nothing", () =>
  withStore(async (store, expected) => {
    const holder = await startOpener({ role: "hold", directory: store });
    try {
      expect(holder.opened.entries).toBe(expected.size);
      const before = imageOf(store);
      expect(() => open(store, SMALL)).toThrow(
        expect.objectContaining({
          code: "TINYKV_LOCKED",
          message: expect.stringContaining(`process ${holder.opened.pid}`),
        }),
      );
      const second = await startOpener({ role: "write", directory: store });
      expect(second.opened.code).toBe("TINYKV_LOCKED");
      expect(second.opened.message).toContain(String(holder.opened.pid));
      await second.kill();
      expect(differences(before, imageOf(store))).toEqual([]);
      expect(imageOf(store).get("LOCK")).toEqual(before.get("LOCK"));
    } finally {
      await holder.kill();
    }
  }));

test("a reader beside the writer is not refused and changes nothing; the lock of a killed process is free at once", () =>
  withStore(async (store, expected) => {
    const holder = await startOpener({ role: "hold", directory: store });
    const before = imageOf(store);
    const reader = open(store, { ...SMALL, readOnly: true });
    expect(wrongAnswer(reader, expected)).toBeUndefined();
    reader.close();
    expect(differences(before, imageOf(store))).toEqual([]);
    await holder.kill();
    const writer = open(store, SMALL);
    expect(wrongAnswer(writer, expected)).toBeUndefined();
    writer.close();
  }));

test("one process that opens a store twice is refused like any other", () =>
  withStore((store) => {
    const db = open(store, SMALL);
    const before = imageOf(store);
    expect(() => open(store, SMALL)).toThrow(
      expect.objectContaining({ code: "TINYKV_LOCKED", message: expect.stringContaining(String(process.pid)) }),
    );
    expect(differences(before, imageOf(store))).toEqual([]);
    db.close();
  }));
