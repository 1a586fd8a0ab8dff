// The command from outside. From dist/, which `npm test` builds first.

import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/harness/cli/main.js", import.meta.url));

async function mutants(...words: string[]): Promise<{ code: number; json: Record<string, unknown>; stderr: string }> {
  const {
    exitCode = -1,
    stdout,
    stderr,
  } = await execa(process.execPath, [MAIN, "mutants", ...words], { reject: false });
  const last = stdout.split("\n").at(-1) ?? "";
  return { code: exitCode, json: last.startsWith("{") ? (JSON.parse(last) as Record<string, unknown>) : {}, stderr };
}

test("what was found, by what, how fast and how small", async () => {
  const id = "c-22-compaction-without-snapshots";
  const { code, json } = await mutants("--only", id, "--minutes", "2", "--json");
  const found = { id, found: true, by: expect.any(String), runs: expect.any(Number), seconds: expect.any(Number) };
  expect(json).toMatchObject({ command: "mutants", seed: "1", ok: true, failures: [], mutants: [found] });
  expect(Object.keys((json["mutants"] as object[])[0]!)).toEqual(["id", "found", "by", "runs", "seconds", "ops"]);
  expect(code).toBe(0);
});

test("what the time does not reach is listed and not found, and that is not ok", async () => {
  const { code, json } = await mutants("--sample", "3", "--minutes", "0.000001", "--json");
  const missed = { found: false, by: "", runs: 0 };
  expect(json).toMatchObject({ ok: false, mutants: [missed, missed, missed] });
  expect(code).toBe(1);
});

test("a sample is drawn by the seed", async () => {
  const ids = async (seed: string): Promise<unknown> => {
    const { json } = await mutants("--sample", "3", "--seed", seed, "--minutes", "0.000001", "--json");
    return (json["mutants"] as { id: string }[]).map(({ id }) => id);
  };
  const [one, again, other] = await Promise.all([ids("1"), ids("1"), ids("2")]);
  expect(again).toEqual(one);
  expect(other).not.toEqual(one);
});

test.each(["--only none", "--config small", "--configs 2", "--sample 0", "--minutes 0"])(
  "a mistake of whoever typed it is exit 2: mutants %s",
  async (line) => {
    const { code, stderr } = await mutants(...line.split(" "));
    expect(code).toBe(2);
    expect(stderr).not.toBe("");
  },
);
