// A toy: all entries in one JSON file, rewritten in place with each write. What a kill or a power cut falls into is lost.

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { serveDriver, type DrivenStore, type DriverChange, type DriverRange } from "./serve.ts";

class JsonFileStore implements DrivenStore {
  readonly #file: string;
  readonly #entries: Map<string, string>;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#file = join(directory, "store.json");
    const text = existsSync(this.#file) ? readFileSync(this.#file, "utf8") : "[]";
    this.#entries = new Map(JSON.parse(text) as [string, string][]);
  }

  put(key: Buffer, value: Buffer, sync: boolean): void {
    this.#entries.set(key.toString("hex"), value.toString("hex"));
    this.#write(sync);
  }

  delete(key: Buffer, sync: boolean): void {
    this.#entries.delete(key.toString("hex"));
    this.#write(sync);
  }

  batch(changes: readonly DriverChange[], sync: boolean): void {
    for (const { key, ...change } of changes) {
      if (change.kind === "put") this.#entries.set(key.toString("hex"), change.value.toString("hex"));
      else this.#entries.delete(key.toString("hex"));
    }
    this.#write(sync);
  }

  get(key: Buffer): Buffer | undefined {
    const found = this.#entries.get(key.toString("hex"));
    return found === undefined ? undefined : Buffer.from(found, "hex");
  }

  scan({ gte, gt, lt, lte, reverse, limit }: DriverRange): [Buffer, Buffer][] {
    const inside = [...this.#entries]
      .map(([key, value]): [Buffer, Buffer] => [Buffer.from(key, "hex"), Buffer.from(value, "hex")])
      .filter(([key]) => (!gte || key.compare(gte) >= 0) && (!gt || key.compare(gt) > 0))
      .filter(([key]) => (!lt || key.compare(lt) < 0) && (!lte || key.compare(lte) <= 0))
      .sort(([a], [b]) => (reverse ? b.compare(a) : a.compare(b)));
    return inside.slice(0, limit);
  }

  close(): void {}

  #write(sync: boolean): void {
    const fd = openSync(this.#file, "w");
    const bytes = Buffer.from(JSON.stringify([...this.#entries]));
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    if (sync) fsyncSync(fd);
    closeSync(fd);
  }
}

await serveDriver({
  capabilities: ["batch", "scan", "reverse"],
  durability: { sync: "power", noSync: "kill" },
  open: (directory) => new JsonFileStore(directory),
});
