// Two builds of the engine to compare: a revision in a git worktree of its own, and the working tree as it was built. Both
// stand outside the repository while they are measured, so that building it again disturbs neither.

import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa, execaSync } from "execa";

export interface Build {
  readonly name: string;
  /** The URL of its index.js. */
  readonly url: string;
}

/** The working tree as it was built, with the program that measures either build. */
export interface BuiltTree extends Build {
  readonly childFile: string;
}

/** The engine alone: tests and tools of an old revision may need packages that are no longer there. */
const PROJECT = {
  extends: "./tsconfig.json",
  compilerOptions: { sourceMap: false, declaration: false, isolatedDeclarations: false },
  include: ["src"],
  exclude: ["src/**/*.test.ts", "src/**/*.test-support.ts", "src/tidy", "src/cli"],
};

/** Checks a revision out and builds it. Throws with git's or the compiler's words. */
export async function buildRevision(root: string, directory: string, revision: string): Promise<Build> {
  const { stdout: commit } = await execa("git", ["rev-parse", "--verify", "--short", `${revision}^{commit}`], {
    cwd: root,
  });
  await execa("git", ["worktree", "add", "--detach", directory, commit], { cwd: root });
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  writeFileSync(join(directory, "tsconfig.regress.json"), JSON.stringify(PROJECT));
  await execa(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.regress.json"], {
    cwd: directory,
  });
  return { name: `${revision} (${commit})`, url: urlOf(directory) };
}

/** Takes the worktree away again, if there is one. Synchronous: it also runs when a signal ends the program. */
export function removeRevision(root: string, directory: string): void {
  execaSync("git", ["worktree", "remove", "--force", directory], { cwd: root, reject: false });
}

/** What `npm run build` made of the working tree. */
export function copyBuilt(root: string, directory: string): BuiltTree {
  mkdirSync(directory);
  cpSync(join(root, "dist"), join(directory, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(directory, "package.json"));
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  const childFile = join(directory, "dist", "bench", "regress", "child-main.js");
  return { name: "the working tree", url: urlOf(directory), childFile };
}

function urlOf(directory: string): string {
  return pathToFileURL(join(directory, "dist", "src", "index.js")).href;
}
