import { execa } from "execa";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const DIST = join(import.meta.dirname, "../../dist");
const MAIN = join(DIST, "harness/cli/main.js");

let artifacts: string;
beforeAll(() => {
  artifacts = mkdtempSync(join(tmpdir(), "tinykv-torture-test-"));
});
afterAll(() => rmSync(artifacts, { recursive: true, force: true }));

async function torture(driver: string, minutes: number): Promise<{ code: number | undefined; report: Report }> {
  const engine = `stdio:${process.execPath} ${join(DIST, driver)}`;
  const words = ["torture", "--engine", engine, "--minutes", String(minutes), "--artifacts", artifacts, "--json"];
  const { stdout, exitCode } = await execa(process.execPath, [MAIN, ...words], { reject: false });
  return { code: exitCode, report: JSON.parse(stdout.split("\n").at(-1)!) as Report };
}

interface Report {
  readonly ok: boolean;
  readonly suites: readonly { readonly suite: string; readonly units: number }[];
  readonly failures: readonly { readonly condition: string; readonly directory: string }[];
}

test("a toy that rewrites one JSON file in place fails within a minute", async () => {
  const { code, report } = await torture("harness/engines/drivers/json-file-driver.test-support.js", 1);
  expect(code).toBe(1);
  expect(report.ok).toBe(false);
  expect(report.failures[0]!.condition).toBe("C1");
});

test("our own engine, by its driver, has a turn of each suite and passes", async () => {
  const { code, report } = await torture("examples/stdio-tinykv/driver.js", 0.01);
  expect(report.failures).toEqual([]);
  expect(code).toBe(0);
  expect(report.suites.map(({ suite }) => suite)).toEqual(["run", "kill", "crash"]);
});
