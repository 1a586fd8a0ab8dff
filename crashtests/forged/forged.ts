// Stores that are wrong on purpose, byte by byte, every checksum of them right: what nobody's disk does, and whoever writes
// files that say so. They are refused, or give what stands in front of the mistake; never something else.

import { CorruptionError, open, type Database, type Listeners } from "tinykv";
import { ContentStore, ImageEnv, makeImage, STORE, type Image } from "tinykv/harness";
import type { Forged } from "./forgery.ts";
import { forgedLevels } from "./forged-levels.ts";
import { FORGED_LOGS } from "./forged-logs.ts";
import { FORGED_RECOVERIES } from "./forged-recovery.ts";

/** Opens all of them; what went wrong first. */
export function findForgery(): string | undefined {
  for (const forged of [...FORGED_LOGS, ...FORGED_RECOVERIES, ...forgedLevels()]) {
    const wrong = wrongOf(forged);
    if (wrong !== undefined) return `${forged.what}: ${wrong}`;
  }
  return undefined;
}

function wrongOf({ files, expected, options = {}, told = [], lastSequence = 0 }: Forged): string | undefined {
  const contents = new ContentStore();
  const image: Image = makeImage(
    Object.entries(files).map(([name, bytes]) => [`${STORE}/${name}`, contents.of(bytes)] as const),
    ["/", "/d", STORE],
  );
  const env = new ImageEnv(image);
  const damaged: string[] = [];
  let db: Database;
  try {
    const listeners: Listeners = { corruption: ({ file }) => void damaged.push(file) };
    db = open(STORE, { env, background: "manual", createIfMissing: false, listeners, ...options });
  } catch (error) {
    if (!(error instanceof CorruptionError)) return `open threw ${String(error)}`;
    if (typeof expected === "object") return `it is refused: ${error.message}`;
    const after = env.capture(contents);
    const changed = [...image.files].find(([path, content]) => after.files.get(path) !== content);
    return changed && `a refused open has changed ${changed[0]}`;
  }
  if (expected === "refused") return `it opens, with ${JSON.stringify(entriesOf(db))}`;
  if (damaged.join() !== told.join()) return `it tells of damage in ${damaged.join() || "nothing"}, not ${told.join()}`;
  if (expected === "reported") return db.verify().ok ? "it opens, and verify() finds nothing" : undefined;
  const last = db.stats().lastSequence;
  if (last < lastSequence) return `its last sequence number is ${last}, not ${lastSequence}`;
  return differs(db, expected) ?? goesOn(db, expected, () => open(STORE, { env, background: "manual" }));
}

function differs(db: Database, expected: Readonly<Record<string, string>>): string | undefined {
  const found = JSON.stringify(entriesOf(db));
  if (found !== JSON.stringify(expected)) return `it holds ${found}, not ${JSON.stringify(expected)}`;
  for (const [key, value] of Object.entries(expected)) {
    const got = db.get(key)?.toString();
    if (got !== value) return `get(${key}) gives ${got}, not ${value}`;
  }
  return undefined;
}

// What is opened once is opened again, and what is written to it is newer than what it holds.
function goesOn(db: Database, expected: Readonly<Record<string, string>>, again: () => Database): string | undefined {
  db.close();
  let second: Database;
  try {
    second = again();
  } catch (error) {
    return `it does not open again: ${String(error)}`;
  }
  const lost = differs(second, expected);
  if (lost !== undefined) return `opened again, ${lost}`;
  const rewritten = Object.fromEntries(Object.keys(expected).map((key) => [key, "rewritten"]));
  for (const key of Object.keys(expected)) second.put(key, "rewritten");
  const stale = differs(second, rewritten);
  second.close();
  return stale && `rewritten, ${stale}`;
}

function entriesOf(db: Database): Record<string, string> {
  return Object.fromEntries([...db.iterate()].map(([key, value]) => [key.toString(), value.toString()]));
}
