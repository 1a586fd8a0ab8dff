import { OWN_ENGINE, type Engine } from "../engine.ts";
import { chooseEngine, EngineError, engineOf, listPeers } from "../engines/find-engines.ts";
import { Exit, printResult } from "./report.ts";

/** Lists the engines by name: what each can do and claims, or why it is not there. */
export function listEngines(json: boolean): number {
  const engines = [describe(OWN_ENGINE, undefined), ...listPeers().map(({ name, version }) => describe(name, version))];
  if (json) printResult(JSON.stringify({ command: "engines", ok: true, engines }));
  else for (const engine of engines) printResult(inWords(engine));
  return Exit.ok;
}

type Listing =
  | (Pick<Engine, "name" | "durability"> & {
      readonly installed: true;
      readonly version?: string;
      readonly capabilities: readonly string[];
    })
  | { readonly name: string; readonly installed: false; readonly why: string };

// What is installed and does not start is listed too: it may be built for another version of Node.
function describe(name: string, version: string | undefined): Listing {
  try {
    const { capabilities, durability } = engineOf(chooseEngine(name));
    const versioned = version !== undefined && { version };
    return { name, installed: true, ...versioned, capabilities: [...capabilities], durability };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { name, installed: false, why: error.message };
  }
}

function inWords(engine: Listing): string {
  if (!engine.installed) return `${engine.name}: ${engine.why}`;
  const { name, version, capabilities, durability } = engine;
  const claims = `a synced write survives ${lossOf(durability.sync)}, another ${lossOf(durability.noSync)}`;
  return `${version === undefined ? name : `${name} ${version}`}: ${capabilities.join(", ")}; ${claims}`;
}

function lossOf(promise: "power" | "kill" | "none"): string {
  return { power: "power loss", kill: "a kill", none: "nothing" }[promise];
}
