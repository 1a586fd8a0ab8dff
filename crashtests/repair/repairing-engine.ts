// Our engine as one that has lost its CURRENT, or its manifests too, each time it is opened, and repairs itself: whatever a
// crash left, what recovery owes the oracle, repair owes it then.

import { repair, TinyKVError } from "tinykv";
import type { Env } from "tinykv/env";
import { parseConfiguration, TinyKVEngine, type Engine, type EngineMaker } from "tinykv/harness";

export type Loss = "current" | "current and manifests";

/** Before each open for writing what a store has of these files is removed, and the store repaired. */
export function repairing(loss: Loss): EngineMaker {
  return (env) => {
    const inner = new TinyKVEngine({ env });
    const engine: Engine = {
      name: inner.name,
      // Without a CURRENT there is nothing that could be read before it is repaired, and no damage that would be told.
      capabilities: new Set([...inner.capabilities].filter((name) => name !== "readOnly" && name !== "verify")),
      durability: inner.durability,
      destroy: (directory) => inner.destroy(directory),
      open(directory, config, mode) {
        if (mode?.readOnly !== true) loseAndRepair(env, directory, config, loss);
        const store = inner.open(directory, config, mode);
        const [problem] = store.verify();
        if (problem !== undefined) throw new Error(`the repaired store: ${problem}`);
        return store;
      },
    };
    return engine;
  };
}

function loseAndRepair(env: Env, directory: string, config: string, loss: Loss): void {
  const names = namesIn(env, directory);
  // What is left of a create that came no further than its manifest is no store, and nothing to repair.
  if (!names.some((name) => name === "CURRENT" || /\.(?:log|sst)$/.test(name))) return;
  for (const name of names) {
    const isLost = name === "CURRENT" || (loss !== "current" && name.startsWith("MANIFEST-"));
    if (isLost) env.unlink(`${directory}/${name}`);
  }
  const options = { ...parseConfiguration(config).options, background: "inline" as const };
  try {
    repair(directory, { ...options, env });
  } catch (error) {
    // All that there was is gone.
    if (!(error instanceof TinyKVError) || error.code !== "TINYKV_DOES_NOT_EXIST") throw error;
  }
}

function namesIn(env: Env, directory: string): string[] {
  try {
    return env.readDirectory(directory);
  } catch (error) {
    if ((error as { readonly code?: string }).code === "ENOENT") return [];
    throw error;
  }
}
