import type { Op } from "./op.ts";

/**
 * The names that are live while a log runs. An operation that names what is not there, or takes a name that is taken, is
 * skipped: that makes every subsequence of a log a log.
 *
 * Ask `admits`, then `note` what was executed; both sides of a comparison use one scope.
 */
export class OpScope {
  readonly #snapshots = new Set<string>();
  readonly #cursors = new Set<string>();
  readonly #tags = new Set<string>();
  readonly #checkpoints = new Set<string>();

  get snapshots(): ReadonlySet<string> {
    return this.#snapshots;
  }

  get cursors(): ReadonlySet<string> {
    return this.#cursors;
  }

  get tags(): ReadonlySet<string> {
    return this.#tags;
  }

  admits(op: Op): boolean {
    switch (op.kind) {
      case "snapshot":
        return !this.#snapshots.has(op.snapshot);
      case "release":
      case "snapshotGet":
      case "snapshotScan":
        return this.#snapshots.has(op.snapshot);
      case "cursorOpen":
        return !this.#cursors.has(op.cursor) && (op.snapshot === undefined || this.#snapshots.has(op.snapshot));
      case "cursorMove":
      case "cursorClose":
        return this.#cursors.has(op.cursor);
      case "putAsync":
      case "deleteAsync":
      case "writeAsync":
        return !this.#tags.has(op.tag);
      case "await":
        return this.#tags.has(op.tag);
      case "checkpoint":
        return !this.#checkpoints.has(op.name);
      default:
        return true;
    }
  }

  note(op: Op): void {
    switch (op.kind) {
      case "snapshot":
        this.#snapshots.add(op.snapshot);
        break;
      case "release":
        this.#snapshots.delete(op.snapshot);
        break;
      case "cursorOpen":
        this.#cursors.add(op.cursor);
        break;
      case "cursorClose":
        this.#cursors.delete(op.cursor);
        break;
      case "putAsync":
      case "deleteAsync":
      case "writeAsync":
        this.#tags.add(op.tag);
        break;
      case "await":
        this.#tags.delete(op.tag);
        break;
      case "checkpoint":
        this.#checkpoints.add(op.name);
        break;
      case "reopen":
        this.closed();
        break;
      default:
        break;
    }
  }

  /** The store was closed or crashed: nothing that was open is any more. */
  closed(): void {
    this.#snapshots.clear();
    this.#cursors.clear();
    this.#tags.clear();
  }
}
