import { errnoOf } from "../common/errors.ts";
import { logName, manifestName, tableName } from "./file-names.ts";
import { joinPath, type StoreContext } from "./store-context.ts";
import type { TableCache } from "./table-cache.ts";

interface Condemned {
  readonly kind: "table" | "log" | "manifest";
  readonly number: number;
  readonly tag: number;
}

/**
 * Unlinks files that nothing needs any more. An unlink that fails is tried again at the next collection; the file's
 * number is never issued again, so a leftover harms nobody.
 *
 * Invariant: nothing is unlinked once the store has failed for good.
 */
export class ObsoleteFiles {
  readonly #context: StoreContext;
  readonly #tables: TableCache;
  #condemned: Condemned[] = [];
  /** Files whose failure was told once. */
  readonly #told = new Set<string>();

  constructor(context: StoreContext, tables: TableCache) {
    this.#context = context;
    this.#tables = tables;
  }

  /** To be unlinked at the next collection. */
  condemn(kind: Condemned["kind"], number: number, tag = 0): void {
    this.#condemned.push({ kind, number, tag });
  }

  /** Tables condemned and still in the directory. */
  get condemnedTables(): readonly { number: number; tag: number }[] {
    return this.#condemned.filter(({ kind }) => kind === "table");
  }

  collect(): void {
    if (this.#condemned.length === 0 || this.#context.health.failedForGood) return;
    const condemned = this.#condemned;
    this.#condemned = [];
    for (const file of condemned) if (!this.#unlink(file)) this.#condemned.push(file);
  }

  #unlink({ kind, number }: Condemned): boolean {
    const name = kind === "table" ? tableName(number) : kind === "log" ? logName(number) : manifestName(number);
    const { env, path, events } = this.#context;
    try {
      if (kind === "table") this.#tables.forget(number);
      env.unlink(joinPath(path, name));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") {
        if (!this.#told.has(name)) events.log("warn", `${name} could not be removed: ${String(error)}`);
        this.#told.add(name);
        return false;
      }
    }
    this.#told.delete(name);
    if (kind === "table") events.emit("tableDeleted", { file: name });
    if (kind === "log") events.emit("logDeleted", { file: name });
    return true;
  }
}
