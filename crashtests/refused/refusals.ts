// Opens that must be refused, in one process: the code, and that no byte of the store has changed (C14).

import { bytewise, open, type Comparator, type Options } from "tinykv";
import { ContentStore, ImageEnv, type Condition, type Image } from "tinykv/harness";

/** What is wrong, if anything. */
export interface Refusal {
  readonly condition: Condition;
  readonly message: string;
}

interface Attempt {
  readonly what: string;
  readonly options: Options;
  /** Undefined: it must succeed. */
  readonly code: string | undefined;
  /** Absent: on the store; else on a directory without one. */
  readonly onNothing?: boolean;
  /** On a store that has no tables, which would know better. */
  readonly onLogs?: boolean;
}

const STORE = "/store";
const NOTHING = "/nothing";

const backwards: Comparator = { name: "refusals.backwards", compare: (a, b) => bytewise.compare(b, a) };

const ATTEMPTS: readonly Attempt[] = [
  { what: "errorIfExists", options: { errorIfExists: true }, code: "TINYKV_EXISTS" },
  { what: "errorIfExists of nothing", options: { errorIfExists: true }, code: undefined, onNothing: true },
  { what: "without createIfMissing", options: { createIfMissing: false }, code: undefined },
  {
    what: "nothing, without createIfMissing",
    options: { createIfMissing: false },
    code: "TINYKV_DOES_NOT_EXIST",
    onNothing: true,
  },
  { what: "nothing, read-only", options: { readOnly: true }, code: "TINYKV_DOES_NOT_EXIST", onNothing: true },
  { what: "too few levels", options: { numLevels: 3 }, code: "TINYKV_INVALID_ARGUMENT" },
  { what: "levels enough", options: { numLevels: 4 }, code: undefined },
  { what: "another comparator", options: { comparator: backwards }, code: "TINYKV_COMPARATOR_MISMATCH" },
  {
    what: "another comparator than that of a log",
    options: { comparator: backwards },
    code: "TINYKV_COMPARATOR_MISMATCH",
    onLogs: true,
  },
  {
    what: "another comparator, read-only",
    options: { comparator: backwards, readOnly: true },
    code: "TINYKV_COMPARATOR_MISMATCH",
  },
];

/** Tries all of them; the first that went wrong. */
export function findRefusal(): Refusal | undefined {
  const image = storeOfFourLevels();
  const logs = storeOfLogs();
  for (const attempt of ATTEMPTS) {
    const wrong = tried(attempt.onLogs === true ? logs : image, attempt);
    if (wrong !== undefined) return { condition: "C14", message: `${attempt.what}: ${wrong}` };
  }
  return secondWriter(image);
}

// Tables in level 3, an entry in the log, cleanly closed.
function storeOfFourLevels(): Image {
  const env = new ImageEnv();
  const db = open(STORE, { env, numLevels: 4, background: "manual" });
  db.put("a", "in level 3");
  db.compactRange();
  db.put("b", "in the log");
  db.close();
  return env.capture(new ContentStore());
}

function storeOfLogs(): Image {
  const env = new ImageEnv();
  const db = open(STORE, { env, background: "manual" });
  db.put("b", "in the log");
  db.close();
  return env.capture(new ContentStore());
}

function tried(image: Image, { options, code, onNothing = false }: Attempt): string | undefined {
  const env = new ImageEnv(image);
  const refused = codeOf(() => open(onNothing ? NOTHING : STORE, { env, ...options }));
  if (refused !== code) return `${refused ?? "it opened"}, not ${code ?? "an open store"}`;
  if (code === undefined) return undefined;
  // LOCK comes and goes with its holder.
  const after = env.capture(new ContentStore());
  for (const path of new Set([...image.files.keys(), ...after.files.keys()])) {
    const [before, now] = [image.files.get(path), after.files.get(path)];
    const isSame = before && now && Buffer.compare(before.bytes, now.bytes) === 0;
    if (!isSame && !path.endsWith("/LOCK")) return `${path} has changed`;
  }
  return undefined;
}

function secondWriter(image: Image): Refusal | undefined {
  const env = new ImageEnv(image);
  const db = open(STORE, { env });
  const refused = codeOf(() => open(STORE, { env }));
  if (refused !== "TINYKV_LOCKED") return { condition: "C29", message: `a second writer: ${refused ?? "it opened"}` };
  const reader = open(STORE, { env, readOnly: true });
  const written = codeOf(() => reader.put("c", "read-only"));
  if (written !== "TINYKV_READ_ONLY")
    return { condition: "C29", message: `a write to a reader: ${written ?? "it was taken"}` };
  reader.close();
  db.close();
  const third = codeOf(() => open(STORE, { env }).close());
  return third === undefined ? undefined : { condition: "C29", message: `an open behind a close: ${third}` };
}

function codeOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}
