// What steers drawn crashes towards cells that their run has not met (coverage.ts): where, by what, and with what surviving. It
// looks at this run alone, so that the seed says everything.

import {
  type Choices,
  CoverageCounter,
  type CoveredPoint,
  type CrashLoss,
  isInside,
  type TraceMap,
} from "tinykv/harness";

type FirstLoss = Extract<CrashLoss, "power" | "kill">;

/** The weight of all places, those of empty cells apart. */
const WEIGHT = 1_000_000;
/** Survivals that are drawn for one in the middle of a sync. */
const DRAWS_MOST = 4;

export class Steering {
  readonly met: CoverageCounter = new CoverageCounter();
  readonly #map: TraceMap;

  constructor(map: TraceMap) {
    this.#map = map;
  }

  /** Half of the draws go to any place, the other half to cells that are empty, to each of them as many. */
  weights(places: readonly number[]): number[] {
    const cells = places.map((i) => this.#emptyAt(i));
    const sizes = new Map<string, number>();
    for (const cell of cells) if (cell !== undefined) sizes.set(cell, (sizes.get(cell) ?? 0) + 1);
    return cells.map((cell) => {
      const even = WEIGHT / places.length;
      const steered = cell === undefined ? 0 : WEIGHT / sizes.size / sizes.get(cell)!;
      return Math.ceil(even + steered);
    });
  }

  /** What the store goes down by at a place: as drawn, unless only the other one leads to an empty cell. */
  loss(i: number, drawn: FirstLoss): FirstLoss {
    const other = drawn === "power" ? "kill" : "power";
    const where = this.#map.among(i);
    return !this.#isNew(where, drawn) && this.#isNew(where, other) ? other : drawn;
  }

  /** What survives a power cut: drawn again a few times where none was met in the middle of the next sync. */
  survival(where: CoveredPoint, draw: () => Choices): Choices {
    let choices = draw();
    const { before, phase, covered } = where;
    if (!before || !covered || this.met.has({ barrier: before, place: "inside", phase, loss: "power" })) return choices;
    for (let n = 1; n < DRAWS_MOST && !isInside(where, () => choices); n++) choices = draw();
    return choices;
  }

  #emptyAt(i: number): string | undefined {
    const where = this.#map.among(i);
    if (!this.#isNew(where, "power") && !this.#isNew(where, "kill")) return undefined;
    return `${where.phase} ${where.after} ${where.inside} ${where.before}`;
  }

  #isNew({ phase, after, before, inside }: Omit<CoveredPoint, "covered">, loss: FirstLoss): boolean {
    return (
      (after !== undefined && !this.met.has({ barrier: after, place: "after", phase, loss })) ||
      (before !== undefined && !this.met.has({ barrier: before, place: "before", phase, loss })) ||
      (inside !== undefined && !this.met.has({ barrier: inside, place: "inside", phase, loss }))
    );
  }
}
