// A copy of the built package with one bug in it, in a directory of its own. What is not changed is linked, not copied.

import { cpSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { linkDependencies, PACKAGE } from "../../../fuzz/instrument.ts";
import { makeScratch } from "../../scratch.ts";
import { type Mutant, planted } from "./catalogue.ts";

export interface Plantation {
  /** The root of the copied package. */
  readonly root: string;
  /** The module that its workers start with. */
  readonly worker: URL;
  remove(): void;
}

/** Built folders that are never run here. */
const LEFT_OUT = new Set(["bench", "examples", "tidy"]);
/** What is built from sources but read from beside them. */
const READ = ["harness/corpus", "harness/mutants", "harness/workloads/hashes.json", "fuzz/corpus", "fuzz/findings"];

/** Plants a mutant; without one, a copy that is sound. Throws MutantError. */
export function plant(mutant: Mutant | undefined): Plantation {
  const root = makeScratch("tinykv-mutant-", tmpdir());
  try {
    const changed = mutant && builtFile(mutant);
    linkTree(join(PACKAGE, "dist"), join(root, "dist"), changed && join(PACKAGE, changed));
    if (changed !== undefined)
      writeFileSync(join(root, changed), planted(readFileSync(join(PACKAGE, changed), "utf8"), mutant!));
    cpSync(join(PACKAGE, "package.json"), join(root, "package.json"));
    linkDependencies(root);
    for (const path of READ) {
      mkdirSync(join(root, path, ".."), { recursive: true });
      symlinkSync(join(PACKAGE, path), join(root, path));
    }
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
  return {
    root,
    worker: pathToFileURL(join(root, "dist/harness/cli/campaign-worker.js")),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The built file of a mutant's source file, from the root of the package. */
export function builtFile({ file }: Pick<Mutant, "file">): string {
  return `dist/${file.replace(/\.ts$/, ".js")}`;
}

// `except` is left to be written: through a link it would be the original that changes.
function linkTree(from: string, to: string, except: string | undefined): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      if (!LEFT_OUT.has(entry.name)) linkTree(source, target, except);
    } else if (source !== except && !/\.map$|\.d\.ts$|\.test\.js$/.test(entry.name)) link(source, target);
  }
}

function link(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if (!["EXDEV", "EPERM", "EMLINK"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    cpSync(source, target);
  }
}
