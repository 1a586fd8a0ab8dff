import { assert } from "../common/assert.ts";
import type { TableMeta } from "./table-meta.ts";
import type { Version } from "./version.ts";

/**
 * Which versions are in use, and so which tables: the current version, and those that cursors and jobs pin.
 *
 * Invariant: a table is reported dead exactly once, when the last version that holds it is let go.
 */
export class VersionPins {
  readonly #pins = new Map<Version, number>();
  readonly #tables = new Map<number, { readonly table: TableMeta; count: number }>();
  readonly #onDead: (table: TableMeta) => void;
  #current: Version;

  constructor(current: Version, onDead: (table: TableMeta) => void) {
    this.#current = current;
    this.#onDead = onDead;
    this.pin(current);
  }

  get current(): Version {
    return this.#current;
  }

  setCurrent(version: Version): void {
    const old = this.#current;
    this.pin(version);
    this.#current = version;
    this.unpin(old);
  }

  pin(version: Version): Version {
    const count = this.#pins.get(version) ?? 0;
    this.#pins.set(version, count + 1);
    if (count === 0) for (const { table } of version.tables()) this.#hold(table);
    return version;
  }

  unpin(version: Version): void {
    const count = this.#pins.get(version);
    assert(count !== undefined, "only a pinned version is unpinned");
    if (count > 1) {
      this.#pins.set(version, count - 1);
      return;
    }
    this.#pins.delete(version);
    for (const { table } of version.tables()) this.#letGo(table);
  }

  /** Tables that only pins keep alive. */
  obsolete(): TableMeta[] {
    return [...this.#tables.values()].map(({ table }) => table).filter((table) => !this.#current.has(table.number));
  }

  #hold(table: TableMeta): void {
    const held = this.#tables.get(table.number);
    if (held) held.count++;
    else this.#tables.set(table.number, { table, count: 1 });
  }

  #letGo(table: TableMeta): void {
    const held = this.#tables.get(table.number)!;
    if (--held.count > 0) return;
    this.#tables.delete(table.number);
    this.#onDead(table);
  }
}
