import { execa } from "execa";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "../../dist/harness/cli/main.js");

let artifacts: string;
beforeAll(() => {
  artifacts = mkdtempSync(join(tmpdir(), "tinykv-kill-test-"));
});
afterAll(() => rmSync(artifacts, { recursive: true, force: true }));

function kill(...words: readonly string[]): Promise<{ stdout: string; exitCode?: number | undefined }> {
  const all = [MAIN, "kill", "--seed", "1", ...words, "--artifacts", artifacts, "--json"];
  return execa(process.execPath, all, { reject: false });
}

test("children run under the configuration that was asked for", async () => {
  const { stdout } = await kill("--rounds", "5", "--config", "manifest-1");
  const { rounds, failures, profiles } = JSON.parse(stdout.split("\n").at(-1)!);
  expect(failures).toEqual([]);
  expect(rounds).toBe(5);
  expect(profiles["manifest-1"]).toBe(5);
});

test("a part has its share of the rounds", async () => {
  const parts = await Promise.all(["1/2", "2/2"].map((shard) => kill("--rounds", "5", "--shard", shard)));
  expect(parts.map(({ stdout }) => JSON.parse(stdout.split("\n").at(-1)!).rounds)).toEqual([3, 2]);
});

test.each([
  ["--config", "memory"],
  ["--config", "walRecoveryMode=skipCorrupted"],
  ["--config", "start=sequence-32"],
  ["--engine", "classic-level", "--config", "small"],
])("kill %s %s %s %s is a mistake: exit 2", async (...words) => {
  expect((await kill(...words.filter((word) => word !== undefined))).exitCode).toBe(2);
});
