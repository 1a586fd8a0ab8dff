// A table of which one byte has rotted, in a block of each kind: a get gives what was put, or a CorruptionError. A filter that
// is trusted says "not there" of keys that are, and an index leads past their block.

import { CorruptionError, open, type Database, type Options } from "tinykv";
import { ContentStore, frameTable, ImageEnv, makeImage, STORE, type FramedTable, type Image } from "tinykv/harness";

/** Small blocks, so that there are many of each kind, and nothing that keeps what was read before. */
const OPTIONS: Options = {
  background: "manual",
  blockSize: 64,
  indexBlockSize: 64,
  blockCacheSize: 0,
  bloomBitsPerKey: 10,
};
const KEYS = 40;
/** Of each kind. */
const PLACES = 24;
const ROLES: readonly FramedTable["blocks"][number]["role"][] = ["data", "filter", "indexPartition", "index"];
const CHANGES: readonly ((byte: number) => number)[] = [(byte) => byte ^ 1, () => 0];

const keyOf = (n: number): string => `key ${String(n).padStart(2, "0")}`;
const valueOf = (n: number): string => `value of ${n}`;

/** What is wrong with what a store says of such a table, if anything. */
export function rotProblem(): string | undefined {
  const contents = new ContentStore();
  const image = makeStore(contents);
  const [path, { bytes }] = [...image.files].find(([name]) => name.endsWith(".sst"))!;
  const { blocks } = frameTable(bytes);
  for (const role of ROLES) {
    const places = blocks
      .filter((block) => block.role === role)
      .flatMap(({ offset, length }) => Array.from({ length }, (_, at) => offset + at));
    if (places.length === 0) throw new Error(`the table has no block of kind ${role}`);
    const step = Math.max(1, Math.floor(places.length / PLACES));
    for (let at = 0; at < places.length; at += step) {
      for (const change of CHANGES) {
        const place = places[at]!;
        const rotten = Uint8Array.from(bytes);
        rotten[place] = change(rotten[place]!);
        const changed = makeImage(new Map([...image.files, [path, contents.of(rotten)]]), image.directories);
        const wrong = wrongOf(new ImageEnv(changed));
        if (wrong !== undefined) return `byte ${place}, ${role}, changed: ${wrong}`;
      }
    }
  }
  return undefined;
}

function makeStore(contents: ContentStore): Image {
  const env = new ImageEnv();
  const db = open(STORE, { ...OPTIONS, env });
  for (let n = 0; n < KEYS; n++) db.put(keyOf(n), valueOf(n));
  db.flush();
  db.close();
  return env.capture(contents);
}

function wrongOf(env: ImageEnv): string | undefined {
  let db: Database;
  try {
    db = open(STORE, { ...OPTIONS, env });
  } catch (error) {
    return error instanceof CorruptionError ? undefined : `open threw ${String(error)}`;
  }
  try {
    for (let n = 0; n < KEYS; n++) {
      const wrong = wrongKey(db, n);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  } finally {
    db.close();
  }
}

function wrongKey(db: Database, n: number): string | undefined {
  try {
    const got = db.get(keyOf(n))?.toString();
    return got === valueOf(n) ? undefined : `get(${keyOf(n)}) gives ${got}`;
  } catch (error) {
    return error instanceof CorruptionError ? undefined : `get(${keyOf(n)}) threw ${String(error)}`;
  }
}
