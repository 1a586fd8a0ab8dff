// How a process of the suite begins: from a startup snapshot, in which its file has already been evaluated, or from the
// file itself. Either way argv is Node, the file, words.

import { startupSnapshot } from "node:v8";
import { warmNode } from "./warm-node.ts";

/** Calls `main` with the words of this process; without words there is nothing to do, which shows that it can start. */
export function beginProgram(main: (words: readonly string[]) => void | Promise<void>): void {
  const begin = (): void => {
    const words = process.argv.slice(2);
    // What it throws ends the process by itself, which is a finding.
    if (words.length > 0) void main(words);
  };
  if (!startupSnapshot.isBuildingSnapshot()) return begin();
  startupSnapshot.setDeserializeMainFunction(begin);
  warmNode();
}
