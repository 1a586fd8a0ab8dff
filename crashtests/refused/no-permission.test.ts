// What a user may not touch is an IO_ERROR with EACCES in its cause, and nothing changes. The superuser may touch
// everything, so a child of another user does the opening.

import { chmodSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { differences, imageOf } from "../directory-image.ts";
import { startOpener, type OpenerOptions } from "./opener.ts";
import type { Opened } from "./opener-main.ts";
import { withDirectory, withStore } from "./places.ts";
import { NOBODY, testAsRoot } from "./test-as-root.ts";

async function openAsNobody(options: Omit<OpenerOptions, "uid">): Promise<Opened> {
  const opener = await startOpener({ ...options, uid: NOBODY });
  await opener.kill();
  return opener.opened;
}

testAsRoot("a store whose files may only be read: no writer, but a reader", () =>
  withStore(async (store, expected) => {
    for (const directory of [dirname(store), store]) chmodSync(directory, 0o755);
    const before = imageOf(store);
    const writer = await openAsNobody({ role: "write", directory: store });
    expect(writer).toMatchObject({ code: "TINYKV_IO_ERROR", errno: "EACCES" });
    const reader = await openAsNobody({ role: "read", directory: store });
    expect(reader).toMatchObject({ entries: expected.size });
    expect(differences(before, imageOf(store))).toEqual([]);
    expect(imageOf(store).get("LOCK")).toEqual(before.get("LOCK"));
  }),
);

testAsRoot("a store that may not be looked into is no missing store, for readers and writers", () =>
  withStore(async (store) => {
    chmodSync(dirname(store), 0o755);
    const before = imageOf(store);
    for (const [mode, inside] of [
      [0o700, store],
      [0o711, store],
      [0o755, join(store, "CURRENT")],
    ] as const) {
      chmodSync(store, mode);
      if (inside !== store) chmodSync(inside, 0o600);
      for (const role of ["write", "read"] as const) {
        const opened = await openAsNobody({ role, directory: store });
        expect(opened, `${role} ${inside}`).toMatchObject({ code: "TINYKV_IO_ERROR", errno: "EACCES" });
        expect(opened.message).toContain(store);
      }
    }
    expect(differences(before, imageOf(store))).toEqual([]);
  }),
);

testAsRoot("a store that may not be created leaves nothing behind", () =>
  withDirectory(async (directory) => {
    chmodSync(directory, 0o755);
    const store = join(directory, "above", "store");
    expect(await openAsNobody({ role: "write", directory: store })).toMatchObject({
      code: "TINYKV_IO_ERROR",
      errno: "EACCES",
    });
    expect(existsSync(join(directory, "above"))).toBe(false);
  }),
);
