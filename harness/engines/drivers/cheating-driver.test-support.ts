// `cheating-driver.test-support.js CHEAT [no-scans]`: a small engine that breaks one promise on purpose, or none ("honest"). It keeps
// its entries in memory and in a log of JSON lines, which it writes before it answers.

import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { serveDriver, type DrivenSnapshot, type DrivenStore, type DriverChange, type DriverRange } from "./serve.ts";
import { UNSUPPORTED } from "../../unsupported.ts";
import { DriverError } from "../stdio/protocol.ts";

export const CHEATS = [
  "honest",
  "acknowledges-before-writing",
  "loses-one-key-in-a-thousand",
  "returns-stale-values",
  "sorts-as-utf-16",
  "drops-half-a-batch-when-killed",
  "dies-by-itself",
  "keeps-all-in-memory",
  "builds-beside",
  "hangs-in-open",
  "hangs-in-a-read",
  "hangs-in-a-write",
] as const;
export type Cheat = (typeof CHEATS)[number];

const HAS_SCANS = process.argv[3] !== "no-scans";
/** Writes that are held back by the driver that acknowledges first. */
const HELD = 20;
/** Long enough for a kill to fall there soon. */
const BETWEEN_HALVES_MILLISECONDS = 10;
/** What a change is in the log: hex of its key, and of its value if it puts one. */
type Line = readonly [key: string, value?: string];

class Entries implements DrivenSnapshot {
  readonly byKey: Map<string, Buffer>;

  constructor(byKey: ReadonlyMap<string, Buffer> = new Map()) {
    this.byKey = new Map(byKey);
  }

  close(): void {}
}

function hang(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

class LogStore implements DrivenStore {
  readonly #cheat: Cheat;
  readonly #fd: number;
  readonly #entries = new Entries();
  readonly #held: (readonly Line[])[] = [];
  readonly #old = new Map<string, Buffer>();
  #writes = 0;

  constructor(directory: string, cheat: Cheat) {
    this.#cheat = cheat;
    if (cheat === "keeps-all-in-memory") {
      this.#fd = openSync("/dev/null", "a");
      return;
    }
    if (cheat === "builds-beside" && !existsSync(directory)) {
      mkdirSync(`${directory}.new`, { recursive: true });
      writeFileSync(join(`${directory}.new`, "log"), "");
      renameSync(`${directory}.new`, directory);
    }
    mkdirSync(directory, { recursive: true });
    const file = join(directory, "log");
    if (!existsSync(file)) appendFileSync(file, "");
    // A line that a kill has cut short never was.
    const text = readFileSync(file, "utf8");
    for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n"))
      if (line !== "") this.#apply(JSON.parse(line) as Line[]);
    this.#fd = openSync(file, "a");
    if (cheat === "hangs-in-open" && this.#entries.byKey.size > 0) hang();
  }

  put(key: Buffer, value: Buffer, sync: boolean): void {
    if (this.#cheat === "loses-one-key-in-a-thousand" && ++this.#writes % 1000 === 0) return;
    this.#write([[key.toString("hex"), value.toString("hex")]], sync);
  }

  delete(key: Buffer, sync: boolean): void {
    this.#write([[key.toString("hex")]], sync);
  }

  batch(changes: readonly DriverChange[], sync: boolean): void {
    const lines = changes.map((change): Line => {
      const key = change.key.toString("hex");
      return change.kind === "put" ? [key, change.value.toString("hex")] : [key];
    });
    if (this.#cheat !== "drops-half-a-batch-when-killed") return this.#write(lines, sync);
    // Whoever kills it between the two has half a batch.
    const half = lines.length >> 1;
    this.#write(lines.slice(0, half), sync);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BETWEEN_HALVES_MILLISECONDS);
    this.#write(lines.slice(half), sync);
  }

  get(key: Buffer, snapshot?: DrivenSnapshot): Buffer | undefined {
    const text = key.toString("hex");
    const found = at(snapshot, this.#entries).byKey.get(text);
    const isStale = this.#cheat === "returns-stale-values" && found !== undefined && ++this.#writes % 50 === 0;
    return isStale ? (this.#old.get(text) ?? found) : found;
  }

  scan({ gte, gt, lt, lte, reverse, limit }: DriverRange, snapshot?: DrivenSnapshot): [Buffer, Buffer][] {
    if (this.#cheat === "hangs-in-a-read") hang();
    if (!HAS_SCANS) throw new DriverError(UNSUPPORTED, "this engine has no scan");
    const all = [...at(snapshot, this.#entries).byKey].map(([key, value]): [Buffer, Buffer] => [
      Buffer.from(key, "hex"),
      value,
    ]);
    const inside = all.filter(
      ([key]) =>
        (!gte || key.compare(gte) >= 0) &&
        (!gt || key.compare(gt) > 0) &&
        (!lt || key.compare(lt) < 0) &&
        (!lte || key.compare(lte) <= 0),
    );
    inside.sort(([a], [b]) => (this.#cheat === "sorts-as-utf-16" ? compareText(a, b) : a.compare(b)));
    if (reverse) inside.reverse();
    return inside.slice(0, limit);
  }

  snapshot(): Entries {
    return new Entries(this.#entries.byKey);
  }

  close(): void {
    this.#writeHeld();
    closeSync(this.#fd);
  }

  #write(lines: readonly Line[], sync: boolean): void {
    if (this.#cheat === "dies-by-itself") {
      writeSync(2, "out of luck");
      process.exit(1);
    }
    if (this.#cheat === "hangs-in-a-write") hang();
    this.#apply(lines);
    this.#held.push(lines);
    if (this.#cheat === "acknowledges-before-writing" && this.#held.length < HELD) return;
    this.#writeHeld();
    if (sync) fsyncSync(this.#fd);
  }

  #writeHeld(): void {
    for (const lines of this.#held.splice(0)) writeSync(this.#fd, `${JSON.stringify(lines)}\n`);
  }

  #apply(lines: readonly Line[]): void {
    const { byKey } = this.#entries;
    for (const [key, value] of lines) {
      const before = byKey.get(key);
      if (before) this.#old.set(key, before);
      if (value === undefined) byKey.delete(key);
      else byKey.set(key, Buffer.from(value, "hex"));
    }
  }
}

function at(snapshot: DrivenSnapshot | undefined, now: Entries): Entries {
  return snapshot instanceof Entries ? snapshot : now;
}

// As JavaScript compares strings: by UTF-16 units, so that what is above U+FFFF comes before U+E000.
function compareText(a: Buffer, b: Buffer): number {
  const [left, right] = [a.toString("utf8"), b.toString("utf8")];
  return left < right ? -1 : left > right ? 1 : 0;
}

const cheat = CHEATS.find((name) => name === process.argv[2]);
if (!cheat) throw new Error(`there is no cheat ${String(process.argv[2])}`);
await serveDriver({
  capabilities: HAS_SCANS ? ["batch", "scan", "reverse", "snapshot"] : ["batch"],
  durability: { sync: "power", noSync: "kill" },
  open: (directory) => new LogStore(directory, cheat),
});
