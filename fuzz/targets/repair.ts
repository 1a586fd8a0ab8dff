// A whole store, some of its files damaged, repaired: it opens, all of it verifies and can be read, nothing is in it that was
// never written, and a second repair finds a sound store.

import { open, repair, TinyKVError, type Database } from "tinykv";
import { MemoryEnv, type Env } from "tinykv/env";
import { parseFileName, salvageTable } from "tinykv/formats";
import { fileOf } from "../files.ts";
import { demand, sameBytes, type Target } from "../target.ts";
import { isForged } from "./forged.ts";
import { judgeRefusal, storeTarget } from "./store.ts";
import { readFiles, STORE, unpackStore, writeFiles, type Files, type StoreInput } from "./store-image.ts";
import { BYTEWISE } from "./values.ts";

export const repairTarget: Target = {
  name: "repair",
  modules: [
    "src/lsm/repair/gather",
    "src/lsm/repair/liveness",
    "src/lsm/repair/log-survey",
    "src/lsm/repair/manifest-survey",
    "src/lsm/repair/plan",
    "src/lsm/repair/survey",
    "src/lsm/manifest-inspection",
  ],
  bytesMax: storeTarget.bytesMax,
  memory: "largest",
  misplaced: (error) => `repair throws ${error.message}`,
  seed: storeTarget.seed,
  dissect: (bytes) => storeTarget.dissect(bytes),
  run(bytes) {
    const input = unpackStore(bytes);
    const env = new MemoryEnv();
    writeFiles(env, input.files);
    const options = { ...input.options, readOnly: false };
    try {
      repair(STORE, { ...options, env });
    } catch (error) {
      if (!(error instanceof TinyKVError)) throw error;
      for (const [name, before] of input.files)
        demand(
          sameBytes(readFiles(env).get(name) ?? new Uint8Array(0), before),
          "a repair that is refused changes nothing",
        );
      if (error.code === "TINYKV_FORMAT_UNSUPPORTED") return;
      if (error.code === "TINYKV_COMPARATOR_MISMATCH" && holdsForgedBlock(input.files, input.made.files)) return;
      return judgeRefusal(error, input);
    }
    checkRepaired(env, input);
    const again = repair(STORE, { ...options, env });
    demand(!again.rebuilt && again.ok, "what was repaired is sound");
  },
};

function checkRepaired(env: Env, { options, made, files }: StoreInput): void {
  const db: Database = open(STORE, { ...options, readOnly: false, walRecoveryMode: "pointInTime", env });
  try {
    demand(db.verify().problems.length === 0, "what was repaired verifies");
    const isWritten = isForged(files, made.files) || holdsForgedBlock(files, made.files);
    for (const [key, value] of db.iterate()) {
      demand(db.get(key)?.equals(value) === true, "a scan and get agree");
      const known = made.written.get(key.toString("latin1"))?.includes(value.toString("latin1")) === true;
      demand(known || isWritten, "nothing is there that was never written");
    }
  } finally {
    db.close();
  }
}

// Without a footer, blocks stand for themselves: one that is read and is none of the store's was written.
function holdsForgedBlock(files: Files, originals: Files): boolean {
  const known = [...originals.values()].map((bytes) => Buffer.from(bytes));
  return [...files].some(([name, bytes]) => {
    const parsed = parseFileName(name);
    if (parsed.kind !== "table") return false;
    const table = salvageTable({ file: fileOf(bytes), name, number: parsed.number, order: BYTEWISE });
    table.visit(() => undefined);
    return table.places.some(({ offset, length }) => {
      const block = Buffer.from(bytes.subarray(offset, offset + length));
      return !known.some((original) => original.includes(block));
    });
  });
}
