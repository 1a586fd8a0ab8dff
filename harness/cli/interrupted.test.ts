// A command that is told to end, or killed, in the middle of its work: nothing of it stays but what it has kept.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { diskProblem } from "../../crashtests/disk/block-store.ts";
import { fastDirectory } from "../fast-directory.ts";

const MAIN = fileURLToPath(new URL("../../dist/harness/cli/main.js", import.meta.url));
const HANGING = fileURLToPath(
  new URL("../../dist/harness/engines/drivers/cheating-driver.test-support.js", import.meta.url),
);
const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const SCRATCH = new URL("../../dist/harness/scratch.js", import.meta.url).href;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const;
/** What a command makes is there, or gone, by then. */
const PATIENCE_MILLISECONDS = 20_000;

const problem = diskProblem("ext4");
if (problem !== undefined) console.log(`power cuts on a real disk are not interrupted: ${problem}`);

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tinykv-interrupted-test-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** What there is of a command: files in memory and elsewhere, mounts, processes of its. */
function traces(pid: number): string[] {
  const name = `tinykv-harness-${pid}-`;
  const files = [fastDirectory(), tmpdir()].flatMap((place) =>
    readdirSync(place)
      .filter((entry) => entry.startsWith(name))
      .flatMap((entry) => [entry, ...namesIn(join(place, entry))]),
  );
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  const processes = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  return [
    ...files,
    ...mounts.filter((line) => line.includes(name)).map((line) => `mounted ${line}`),
    ...processes.filter((one) => textOf(one, "environ").includes(name)).map((one) => textOf(one, "cmdline")),
  ];
}

// It may be removed while it is looked at.
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return [];
  }
}

// It may end while it is looked at.
function textOf(pid: string, file: "cmdline" | "environ"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " ");
  } catch (error) {
    void error;
    return "";
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo() && waited < PATIENCE_MILLISECONDS; waited += 20) await sleep(20);
}

/** Starts a command, ends it when something of it is there that matches, and gives how it ended and what is left. */
async function interrupted(
  signal: (typeof SIGNALS)[number],
  isThere: RegExp,
  ...words: string[]
): Promise<{ ended: string | undefined; left: string[] }> {
  const child = execa(process.execPath, [MAIN, ...words], { cwd: root, reject: false, stdio: "ignore" });
  const pid = child.pid!;
  let before: string[] = [];
  await until(() => (before = traces(pid)).some((trace) => isThere.test(trace)));
  child.kill(signal);
  const { signal: ended } = await child;
  expect(before.join("\n")).toMatch(isThere);
  await until(() => traces(pid).length === 0);
  return { ended, left: traces(pid) };
}

test.each(SIGNALS)("kill ends by %s, and leaves no store and no child", async (signal) => {
  const words = ["kill", "--seed", "1", "--rounds", "100000"];
  const { ended, left } = await interrupted(signal, /child-main/, ...words);
  expect({ ended, left }).toEqual({ ended: signal, left: [] });
});

test("a command that waits for an engine ends at once, and its driver with it", async () => {
  const engine = `stdio:${process.execPath} --no-warnings ${HANGING} hangs-in-a-write`;
  const words = ["kill", "--seed", "1", "--rounds", "10", "--engine", engine];
  const { ended, left } = await interrupted("SIGINT", /cheating-driver.*hangs/, ...words);
  expect({ ended, left }).toEqual({ ended: "SIGINT", left: [] });
});

test.each([
  ["run", "--seed", "1", "--ops", "10000000"],
  ["meta", "--seed", "1", "--ops", "10000000", "--configs", "3"],
])("%s leaves nothing", async (...words) => {
  const { ended, left } = await interrupted("SIGTERM", new RegExp(`tinykv-${words[0]}-`), ...words);
  expect({ ended, left }).toEqual({ ended: "SIGTERM", left: [] });
});

test.skipIf(problem !== undefined).each(["SIGINT", "SIGKILL"] as const)(
  "disk leaves nothing mounted behind %s",
  async (signal) => {
    const words = ["disk", "--fs", "ext4", "--seed", "1", "--rounds", "1000"];
    const { ended, left } = await interrupted(signal, /child-main/, ...words);
    expect({ ended, left }).toEqual({ ended: signal, left: [] });
  },
);

test("what a command has started goes with it, but for what is to outlive it", async () => {
  const command = `
    import { execa } from "execa";
    import { OUTLIVING_ENV, sweepAtEnd } from ${JSON.stringify(SCRATCH)};
    sweepAtEnd();
    const options = { cwd: ${JSON.stringify(root)}, detached: true, stdio: "ignore", reject: false };
    execa("sh", ["-c", "sleep 1; touch gone"], options).unref();
    execa("sh", ["-c", "sleep 1; touch there"], { ...options, env: OUTLIVING_ENV }).unref();
  `;
  await execa(process.execPath, ["--input-type=module"], { cwd: PACKAGE, input: command });
  await until(() => readdirSync(root).length > 0);
  await sleep(500);
  expect(readdirSync(root)).toEqual(["there"]);
});

test("what was kept stays", async () => {
  const engine = `stdio:${process.execPath} --no-warnings ${HANGING} acknowledges-before-writing`;
  const words = ["kill", "--engine", engine, "--seed", "3", "--rounds", "8", "--artifacts", join(root, "kept")];
  const { exitCode } = await execa(process.execPath, [MAIN, ...words], { cwd: root, reject: false });
  expect(exitCode).toBe(1);
  const [kept = ""] = readdirSync(join(root, "kept"));
  expect(existsSync(join(root, "kept", kept, "store"))).toBe(true);
});
