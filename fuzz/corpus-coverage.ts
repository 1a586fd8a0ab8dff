// What the corpus takes by itself: each target runs its inputs, in a copy that counts branches, and nothing else.

import { DECODERS, GUIDES } from "./decoders.ts";
import { corpusOf } from "./findings.ts";
import type { Branch } from "./instrument.ts";
import { copyInstrumented } from "./instrument.ts";
import { runFuzz } from "./run.ts";
import { TARGETS } from "./targets.ts";

export interface CorpusCoverage {
  readonly branches: readonly Branch[];
  /** The branches that any target took, by number. */
  readonly taken: ReadonlySet<number>;
  /** Of each target's own modules. */
  readonly targets: readonly {
    readonly name: string;
    readonly inputs: number;
    readonly taken: number;
    readonly all: number;
  }[];
}

export async function coverCorpus(): Promise<CorpusCoverage> {
  const copy = copyInstrumented([...DECODERS, ...GUIDES]);
  const taken = new Set<number>();
  const targets: CorpusCoverage["targets"][number][] = [];
  try {
    for (const { name } of TARGETS) {
      const inputs = corpusOf(name);
      const task = { targets: [name], seed: "corpus", corpus: { [name]: inputs }, executions: inputs.length, copy };
      const { results, found } = await runFuzz(task);
      const problem = found[0]?.problem.problem;
      if (problem !== undefined) throw new Error(`the corpus of ${name}: ${problem}`);
      for (const branch of results[0]!.branches) taken.add(branch);
      targets.push({ name, inputs: inputs.length, ...results[0]!.own });
    }
  } finally {
    copy.remove();
  }
  return { branches: copy.branches, taken, targets };
}
