import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { inStore, temporaryDirectory, tinykv, type Ran } from "./cli.test-support.ts";

const root = temporaryDirectory();
afterAll(root.remove);

function storeWith(name: string): { directory: string; run: (...args: string[]) => Ran } {
  const directory = join(root.path, name);
  inStore(directory, (db) => {
    for (let i = 0; i < 5; i++) db.put(`key ${i}`, `value ${i}`);
    db.flush();
    db.put("key 5", "in the log");
  });
  return { directory, run: (...args) => tinykv(["--db", directory, ...args]) };
}

test("repair brings back a store without CURRENT and says which files it used", () => {
  const { directory, run } = storeWith("no-current");
  rmSync(join(directory, "CURRENT"));
  expect(run("get", "key 1").code).toBe(3);
  const { code, stdout } = run("repair");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^CURRENT\tmissing\trebuilt/);
  expect(stdout).toMatch(/repaired, nothing is known to be lost: 1 tables, 6 entries, last sequence number 6\n$/);
  expect(run("scan").stdout.split("\n").length).toBe(7);
  expect(run("repair").stdout).toBe("sound: nothing was changed\n");
});

test("repair names the keys and numbers of a table that is gone, in words and as JSON", () => {
  for (const json of [false, true]) {
    const { directory, run } = storeWith(`no-table-${json}`);
    const table = readdirSync(directory).find((name) => name.endsWith(".sst"))!;
    rmSync(join(directory, table));
    const { code, stdout } = json ? run("--json", "repair") : run("repair");
    expect(code).toBe(0);
    if (!json) {
      expect(stdout).toContain(`LOST ${table}\tkeys from "key 0" to "key 4"\nLOST ${table}\tsequence numbers 1 to 5\n`);
      continue;
    }
    const report = JSON.parse(stdout) as { ok: boolean; lost: { file: string; keys: object[]; sequences: object[] }[] };
    expect(report.ok).toBe(false);
    expect(report.lost).toMatchObject([
      { file: table, keys: [{ from: "key 0", upTo: "key 4" }], sequences: [{ least: 1, greatest: 5 }] },
    ]);
    expect(run("get", "key 5").stdout).toBe("in the log\n");
  }
});

test("repair writes: it is no read-only command, and needs a store", () => {
  const { run } = storeWith("read-only");
  expect(run("--read-only", "repair").code).toBe(2);
  expect(tinykv(["--db", join(root.path, "nowhere"), "repair"]).code).toBe(1);
});
