// `torture --mutant ID`: the main job on a copy of this package with a known bug in it. It is to fail, to make what it found
// small, and to show its page: what a failure looks like, before there is one.

import { existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { execa, execaSync } from "execa";
import { PACKAGE } from "../../fuzz/instrument.ts";
import { type Mutant, readCatalogue } from "./mutants/catalogue.ts";
import { plant } from "./mutants/plant.ts";
import { OUTLIVING_ENV } from "../scratch.ts";
import { checkOwnEngine, UsageError } from "./options.ts";
import { Exit, printResult, say, type ReportedFailure } from "./report.ts";
import type { TortureOptions } from "./torture-report.ts";

/** The last line of torture's own output. */
interface Report {
  readonly seconds: number;
  readonly failures: readonly ReportedFailure[];
}

/** Plants the mutant, runs torture on the copy, and opens the page of what it found; torture's exit code. */
export async function tortureMutant(id: string, options: TortureOptions): Promise<number> {
  checkOwnEngine(options.engine);
  const mutant = engineMutant(id);
  say(`${id}, planted in ${mutant.file}: ${mutant.note}`);
  const { root, remove } = plant(mutant);
  try {
    rebuildKillBundle(root);
    const main = join(root, "dist/harness/cli/main.js");
    const run = execa(process.execPath, [main, ...wordsOf(options)], {
      stdio: ["ignore", "pipe", "inherit"],
      reject: false,
    });
    const { stdout, exitCode = Exit.broken } = await run;
    const line = stdout.split("\n").at(-1) ?? "";
    if (exitCode === Exit.ok || exitCode === Exit.failure) tell(line, options.json);
    return exitCode;
  } finally {
    remove();
  }
}

function engineMutant(id: string): Mutant {
  const mutant = readCatalogue().find((known) => known.id === id);
  if (!mutant) throw new UsageError(`no mutant is called ${id}; they are in harness/mutants/`);
  if (mutant.of === "harness")
    throw new UsageError(`${id} is a bug of the harness, which torture cannot find in itself: mutants --only ${id}`);
  return mutant;
}

function wordsOf({ seed, minutes, config, configs, shard, artifacts }: TortureOptions): string[] {
  const words = ["torture", "--seed", seed, "--minutes", String(minutes), "--artifacts", resolve(artifacts), "--json"];
  if (config !== undefined) words.push("--config", config);
  if (configs !== undefined) words.push("--configs", String(configs));
  if (shard.count > 1) words.push("--shard", `${shard.index}/${shard.count}`);
  return words;
}

/**
 * Processes that are killed run one bundled file, which the bug of a planted copy has to get into. The old one is a link: it is
 * removed, not written to.
 */
export function rebuildKillBundle(root: string): void {
  const bundler = join(PACKAGE, "node_modules/rolldown");
  if (!existsSync(bundler)) {
    say("the bundler is not installed: processes that are killed are without the bug");
    return;
  }
  const there = join(root, "node_modules/rolldown");
  if (!existsSync(there)) symlinkSync(bundler, there);
  const { exitCode, stderr } = execaSync(process.execPath, [join(root, "dist/crashtests/kill/bundle-main.js")], {
    reject: false,
  });
  // With some bugs no store lives as long as the build needs one to.
  if (exitCode !== 0) say(`no process could be built with the bug in it: ${stderr.split("\n", 1).join("")}`);
}

function tell(line: string, json: boolean): void {
  if (json) printResult(line);
  const { seconds, failures } = JSON.parse(line) as Report;
  const [first] = failures;
  if (!first) {
    say(`not found in ${seconds.toFixed(0)} s`);
    return;
  }
  const page = join(first.directory, "report.html");
  say(`found in ${seconds.toFixed(0)} s: ${first.condition}. Its page: ${page}`);
  if (!json) openPage(page);
}

// With whatever opens files here; where nobody sits in front of it, nothing does.
function openPage(page: string): void {
  const { platform, env } = process;
  const hasScreen = platform === "darwin" || env["DISPLAY"] !== undefined || env["WAYLAND_DISPLAY"] !== undefined;
  if (!process.stdout.isTTY || !hasScreen) return;
  const opener = platform === "darwin" ? "open" : "xdg-open";
  execa(opener, [page], { env: OUTLIVING_ENV, detached: true, stdio: "ignore", reject: false }).unref();
}
