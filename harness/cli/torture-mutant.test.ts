// Bugs that are found in the real thing: the whole of torture, and real kills, on copies with a bug planted in them.

import { execa } from "execa";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readCatalogue } from "./mutants/catalogue.ts";
import { plant } from "./mutants/plant.ts";
import type { ReportedFailure } from "./report.ts";
import { rebuildKillBundle } from "./torture-mutant.ts";

const MAIN = join(import.meta.dirname, "../../dist/harness/cli/main.js");
const PATIENCE = 180_000;

let artifacts: string;
beforeAll(() => {
  artifacts = mkdtempSync(join(tmpdir(), "tinykv-mutant-test-"));
});
afterAll(() => rmSync(artifacts, { recursive: true, force: true }));

interface Ended {
  readonly exitCode?: number | undefined;
  readonly stderr: string;
  readonly failures: readonly ReportedFailure[];
}

async function harness(main: string, ...words: readonly string[]): Promise<Ended> {
  const run = await execa(process.execPath, [main, ...words, "--artifacts", artifacts, "--json"], { reject: false });
  const { exitCode, stdout, stderr } = run;
  const last = stdout.split("\n").at(-1)!;
  const failures = last.startsWith("{") ? (JSON.parse(last) as Ended).failures : [];
  return { exitCode, stderr, failures };
}

test(
  "torture with a bug planted fails, and leaves a page and a smaller log",
  async () => {
    const words = ["torture", "--mutant", "w20-deletes-without-a-record", "--minutes", "0.5"];
    const { exitCode, stderr, failures } = await harness(MAIN, ...words);
    expect(exitCode).toBe(1);
    const { directory, condition } = failures[0]!;
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(["report.html", "shrunk.txt"]));
    expect(stderr).toContain(`${condition}. Its page: ${join(directory, "report.html")}`);
  },
  PATIENCE,
);

test(
  "what real kills find of a bug, the simulated disk shows too, and it is made smaller",
  async () => {
    const mutant = readCatalogue().find(({ id }) => id === "w20-deletes-without-a-record")!;
    const { root, remove } = plant(mutant);
    try {
      rebuildKillBundle(root);
      const main = join(root, "dist/harness/cli/main.js");
      const { exitCode, stderr, failures } = await harness(main, "kill", "--seed", "1", "--rounds", "60");
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/the simulated disk shows C\d+ too/);
      expect(readdirSync(failures[0]!.directory)).toEqual(expect.arrayContaining(["lives.json", "shrunk.txt"]));
    } finally {
      remove();
    }
  },
  PATIENCE,
);

test.each(["none", "harness-d-too-low"])("torture --mutant %s is a mistake: exit 2", async (id) => {
  expect((await harness(MAIN, "torture", "--mutant", id)).exitCode).toBe(2);
});
