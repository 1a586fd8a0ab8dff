// Engines by the names that `--engine` takes.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseCommandString } from "execa";
import { OWN_ENGINE, type Engine } from "../engine.ts";
import { makeScratch } from "../scratch.ts";
import { PEERS, peerVersion, type PeerName } from "./peers.ts";
import { STDIO_PREFIX, StdioEngine } from "./stdio/stdio-engine.ts";
import { TinyKVEngine } from "./tinykv.ts";

/** The engine asked for does not exist, is not installed, or does not speak the protocol. */
export class EngineError extends Error {}

/** There is such an engine, and it is not installed here. */
export class EngineMissing extends EngineError {}

/** What `--engine` names, so far as can be said without starting it. */
export type EngineChoice =
  | { readonly kind: "own" }
  | { readonly kind: "driver"; readonly name: string; readonly command: readonly string[] };

export interface PeerListing {
  readonly name: PeerName;
  /** Absent where it is not installed. */
  readonly version: string | undefined;
}

/** Drivers that have been asked already. */
const known = new Map<string, Engine>();

/** Throws EngineError for a name that means nothing here. */
export function chooseEngine(name: string): EngineChoice {
  if (name === OWN_ENGINE) return { kind: "own" };
  if (name.startsWith(STDIO_PREFIX)) {
    const command = parseCommandString(name.slice(STDIO_PREFIX.length));
    if (command.length === 0) throw new EngineError(`${name} names no command`);
    return { kind: "driver", name, command };
  }
  const peer = PEERS.find((one) => one === name);
  if (!peer)
    throw new EngineError(`unknown engine ${name}; there are ${[OWN_ENGINE, ...PEERS].join(", ")}, stdio:COMMAND`);
  const places = peerDirectories();
  if (peerVersion(peer, places) === undefined) throw new EngineMissing(`${peer} is not installed`);
  return { kind: "driver", name, command: [process.execPath, "--no-warnings", driverFile(), peer, ...places] };
}

/** Ours in a process of its own, as any other engine is: by the driver in examples/. */
export function ownDriver(): EngineChoice {
  const file = join(packageRoot(), "dist", "examples", "stdio-tinykv", "driver.js");
  const command = [process.execPath, "--no-warnings", file];
  const words = command.map((word) => word.replaceAll(" ", "\\ "));
  return { kind: "driver", name: STDIO_PREFIX + words.join(" "), command };
}

/** Starts it once to ask what it can do, if it has a process of its own. Throws EngineError. */
export function engineOf(choice: EngineChoice): Engine {
  if (choice.kind === "own") return new TinyKVEngine();
  const before = known.get(choice.name);
  if (before) return before;
  const scratch = makeScratch("tinykv-probe-");
  try {
    const engine = StdioEngine.find(choice.name, choice.command, join(scratch, "store"));
    known.set(choice.name, engine);
    return engine;
  } catch (error) {
    throw new EngineError(`${choice.name}: ${(error as Error).message}`, { cause: error });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export function listPeers(): PeerListing[] {
  const places = peerDirectories();
  return PEERS.map((name) => ({ name, version: peerVersion(name, places) }));
}

/** Where peers are looked for: beside whoever calls, in this package, and in the folder of the heavy ones. */
function peerDirectories(): string[] {
  const root = packageRoot();
  return [process.cwd(), root, join(root, "bench", "peers")];
}

// This module runs from dist/ or, in tests, from its source; drivers start from the built file.
function packageRoot(): string {
  return fileURLToPath(new URL(".", import.meta.url)).replace(/(\/dist)?\/harness\/engines\/$/, "");
}

function driverFile(): string {
  return join(packageRoot(), "dist", "harness", "engines", "drivers", "main.js");
}
