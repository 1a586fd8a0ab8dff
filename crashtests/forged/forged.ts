// Stores that are wrong on purpose, byte by byte, every checksum of them right: what nobody's disk does, and whoever writes
// files that say so. They are refused, or give what stands in front of the mistake; never something else.

import { CorruptionError, open, type Database } from "tinykv";
import { ContentStore, ImageEnv, makeImage, STORE, type Image } from "tinykv/harness";
import type { Forged } from "./forgery.ts";
import { forgedLevels } from "./forged-levels.ts";
import { FORGED_LOGS } from "./forged-logs.ts";

/** Opens all of them; what went wrong first. */
export function findForgery(): string | undefined {
  for (const forged of [...FORGED_LOGS, ...forgedLevels()]) {
    const wrong = wrongOf(forged);
    if (wrong !== undefined) return `${forged.what}: ${wrong}`;
  }
  return undefined;
}

function wrongOf({ files, expected }: Forged): string | undefined {
  const contents = new ContentStore();
  const image: Image = makeImage(
    Object.entries(files).map(([name, bytes]) => [`${STORE}/${name}`, contents.of(bytes)] as const),
    ["/", "/d", STORE],
  );
  const env = new ImageEnv(image);
  let db: Database;
  try {
    db = open(STORE, { env, background: "manual", createIfMissing: false });
  } catch (error) {
    if (!(error instanceof CorruptionError)) return `open threw ${String(error)}`;
    if (typeof expected === "object") return `it is refused: ${error.message}`;
    const after = env.capture(contents);
    const changed = [...image.files].find(([path, content]) => after.files.get(path) !== content);
    return changed && `a refused open has changed ${changed[0]}`;
  }
  if (expected === "refused") return `it opens, with ${JSON.stringify(entriesOf(db))}`;
  if (expected === "reported") return db.verify().ok ? "it opens, and verify() finds nothing" : undefined;
  const found = JSON.stringify(entriesOf(db));
  return found === JSON.stringify(expected) ? undefined : `it holds ${found}, not ${JSON.stringify(expected)}`;
}

function entriesOf(db: Database): Record<string, string> {
  return Object.fromEntries([...db.iterate()].map(([key, value]) => [key.toString(), value.toString()]));
}
