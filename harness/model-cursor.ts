import type { Key } from "./keys.ts";
import type { Model, ModelEntry } from "./model.ts";
import type { PinnedOp } from "./op.ts";

type Move = Extract<PinnedOp, { kind: "cursorMove" }>;

/** A cursor over S_p by plain walks of the model: each move is a range with a limit of one. */
export class ModelCursor {
  readonly #model: Model;
  readonly #lower: Key | undefined;
  readonly #upper: Key | undefined;
  /** The state it sees, for ever. */
  readonly state: number;
  #at: ModelEntry | undefined;

  constructor(model: Model, state: number, lower: Key | undefined, upper: Key | undefined) {
    this.#model = model;
    this.state = state;
    this.#lower = lower;
    this.#upper = upper;
  }

  /** Where it stands; undefined when it is not valid. */
  get entry(): ModelEntry | undefined {
    return this.#at;
  }

  move(op: Move): void {
    switch (op.move) {
      case "first":
        this.#at = this.#up(undefined, undefined);
        break;
      case "last":
        this.#at = this.#down(undefined, undefined);
        break;
      case "seek":
        this.#at = this.#up(op.key, undefined);
        break;
      case "seekForPrev":
        this.#at = this.#down(op.key, undefined);
        break;
      // A move of a cursor that stands nowhere does nothing.
      case "next":
        this.#at = this.#at && this.#up(undefined, this.#at[0]);
        break;
      case "prev":
        this.#at = this.#at && this.#down(undefined, this.#at[0]);
        break;
    }
  }

  #up(gte: Key | undefined, gt: Key | undefined): ModelEntry | undefined {
    const from = gt === undefined ? { gte: later(gte, this.#lower) } : { gt };
    return this.#first({ ...from, ...(this.#upper !== undefined && { lt: this.#upper }) }, false);
  }

  #down(lte: Key | undefined, lt: Key | undefined): ModelEntry | undefined {
    const lower = this.#lower === undefined ? {} : { gte: this.#lower };
    const upper = this.#upper;
    if (lt !== undefined) return this.#first({ ...lower, lt }, true);
    if (lte !== undefined && (upper === undefined || lte < upper)) return this.#first({ ...lower, lte }, true);
    return this.#first({ ...lower, ...(upper !== undefined && { lt: upper }) }, true);
  }

  #first(range: { gte?: Key | undefined; gt?: Key; lt?: Key; lte?: Key }, reverse: boolean): ModelEntry | undefined {
    const { gte, ...rest } = range;
    const walk = this.#model.walk({ ...rest, ...(gte !== undefined && { gte }), reverse, limit: 1 }, this.state);
    return walk.next() ? [walk.key, walk.value] : undefined;
  }
}

function later(a: Key | undefined, b: Key | undefined): Key | undefined {
  if (a === undefined) return b;
  return b === undefined || a > b ? a : b;
}
