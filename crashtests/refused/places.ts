import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeEnv } from "tinykv/env";
import { fillSmallStore } from "../small-store.ts";

/** Runs `use` with a new directory, which is removed afterwards. */
export async function withDirectory(use: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "tinykv-refused-"));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same with a small store in it, closed: its directory and what it holds. */
export async function withStore(
  use: (store: string, expected: ReadonlyMap<string, string>) => void | Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const store = join(directory, "store");
    await use(store, fillSmallStore(nodeEnv, store));
  });
}
