import { levelsOf, parseConfiguration } from "../configurations.ts";
import type { Op } from "../op.ts";

/**
 * What the images of a run are opened with: its configuration, with as many levels as any reopen of it had, since a store
 * refuses fewer than it uses.
 */
export function imageConfiguration(config: string, ops: readonly Op[]): string {
  const own = levelsOf(parseConfiguration(config));
  const most = ops.reduce(
    (levels, op) => (op.kind === "reopen" ? Math.max(levels, levelsOf(parseConfiguration(op.config))) : levels),
    own,
  );
  return most === own ? config : `${config},numLevels=${most}`;
}
