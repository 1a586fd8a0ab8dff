import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that package.json, bench/ and dist/ stand in, from the sources as from dist/. */
export function repositoryRoot(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    if (existsSync(join(directory, "package.json"))) return directory;
    if (directory === dirname(directory)) throw new Error("no package.json above the benchmarks");
  }
}

/** Where engines of other people may be installed: with the package, and the heavy ones below bench/. */
export function peerDirectories(): readonly string[] {
  const root = repositoryRoot();
  return [root, join(root, "bench", "peers")];
}

export function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(join(repositoryRoot(), "package.json"), "utf8")) as { version: string };
  return version;
}
