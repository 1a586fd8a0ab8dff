// Of many inputs the few that take all branches that any takes: always the one that takes most of what is missing, and each
// made smaller as long as it takes what it was chosen for.

import type { Coverage } from "./coverage.ts";
import type { Executor } from "./executor.ts";
import { shrinkInput } from "./shrink-input.ts";

/**
 * Tries to make one smaller are as many as the longest input has room for in so many bytes: a thousand for a field, a hundred
 * for a whole store, which takes a thousand times as long.
 */
const TRIED_BYTES = 1_000_000;

export function minimiseCorpus(executor: Executor, coverage: Coverage, inputs: readonly Uint8Array[]): Uint8Array[] {
  const takenBy = (bytes: Uint8Array): readonly number[] => {
    const problem = executor.runOn(bytes);
    return problem === undefined ? coverage.taken() : [];
  };
  const tries = Math.round(TRIED_BYTES / executor.target.bytesMax);
  const left = inputs.map((bytes) => ({ bytes, branches: takenBy(bytes) }));
  const missing = new Set(left.flatMap(({ branches }) => branches));
  const chosen: Uint8Array[] = [];
  while (missing.size > 0) {
    let best = left[0]!;
    let most = 0;
    for (const one of left) {
      const count = one.branches.reduce((sum, branch) => sum + (missing.has(branch) ? 1 : 0), 0);
      // Of equals the shorter.
      if (count > most || (count === most && count > 0 && one.bytes.length < best.bytes.length))
        [best, most] = [one, count];
    }
    const reason = best.branches.filter((branch) => missing.has(branch));
    const shows = (bytes: Uint8Array): boolean => {
      const taken = new Set(takenBy(bytes));
      return reason.every((branch) => taken.has(branch));
    };
    const small = shrinkInput(best.bytes, shows, tries);
    chosen.push(small);
    for (const branch of [...reason, ...takenBy(small)]) missing.delete(branch);
  }
  return chosen;
}
