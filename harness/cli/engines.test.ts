// Other engines, from outside: what is listed, and that commands take them.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listPeers } from "../engines/find-engines.ts";
import { straceProblem } from "../strace/record-driver.ts";

const MAIN = fileURLToPath(new URL("../../dist/harness/cli/main.js", import.meta.url));
const DRIVER = fileURLToPath(
  new URL("../../dist/harness/engines/drivers/cheating-driver.test-support.js", import.meta.url),
);
/** Of its first round of kills: dead behind three answers, so that at most those and what was sent ahead are acknowledged. */
const FIRST_ANSWERS = "119";
const OURS = fileURLToPath(new URL("../../dist/examples/stdio-tinykv/driver.js", import.meta.url));

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tinykv-engines-test-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly stderr: string;
  readonly json: Record<string, unknown> & { failures: { condition: string; directory: string; replay: string }[] };
}

async function harness(...words: string[]): Promise<Ended> {
  const {
    exitCode = -1,
    stdout,
    stderr,
  } = await execa(process.execPath, [MAIN, ...words], { cwd: root, reject: false });
  return { code: exitCode, stderr, json: JSON.parse(stdout.split("\n").at(-1) ?? "{}") as Ended["json"] };
}

function stdio(driver: string, ...words: string[]): string {
  return `stdio:${[process.execPath, "--no-warnings", driver, ...words].map((word) => word.replaceAll(" ", "\\ ")).join(" ")}`;
}

test("engines are listed with what they can do and claim, those that are not installed too", async () => {
  const { code, json } = await harness("engines", "--json");
  const engines = json["engines"] as { name: string; installed: boolean }[];
  expect(code).toBe(0);
  expect(engines.map(({ name }) => name)).toEqual([
    "tinykv",
    "classic-level",
    "lmdb",
    "rocksdb-native",
    "better-sqlite3",
  ]);
  expect(engines[0]).toMatchObject({ installed: true, durability: { sync: "power", noSync: "kill" } });
  expect(engines[1]).toMatchObject({
    installed: true,
    version: "3.0.0",
    durability: { sync: "power", noSync: "kill" },
  });
});

test.each(["classic-level", "lmdb", stdio(OURS)])("a differential run of %s agrees with the model", async (engine) => {
  const { code, json } = await harness("run", "--engine", engine, "--seed", "3", "--ops", "1500", "--json");
  expect(json.failures).toEqual([]);
  expect(code).toBe(0);
  expect(json["ops"]).toBeGreaterThan(1000);
});

test("a driver that lies when it is killed is exit 1, and what it left is judged again by the line that was told", async () => {
  const engine = stdio(DRIVER, "acknowledges-before-writing");
  const words = ["--seed", "3", "--rounds", "8", "--artifacts", "it's kept", "--json"];
  const { code, json } = await harness("kill", "--engine", engine, ...words);
  const [{ condition, directory, replay }] = json.failures as [Ended["json"]["failures"][0]];
  expect([code, condition]).toEqual([1, "C3"]);
  const again = await asTyped(`${replay} --json`);
  expect([again.exitCode, (JSON.parse(again.stdout) as Ended["json"]).failures[0]!.condition]).toEqual([1, "C3"]);
  const { replay: kept } = JSON.parse(readFileSync(join(root, directory, "failure.json"), "utf8")) as {
    replay: string;
  };
  expect(kept).toBe(replay);
  // The whole search has words with spaces too.
  const search = await asTyped(`${readFileSync(join(root, directory, "command.txt"), "utf8").trim()} --json`);
  expect([search.exitCode, (JSON.parse(search.stdout) as Ended["json"]).failures[0]!.condition]).toEqual([1, "C3"]);
});

test("what was found of an engine that is gone cannot be judged again: exit 2, and which engine", async () => {
  const driver = join(root, "driver.js");
  writeFileSync(
    driver,
    `process.argv.splice(2, 0, "acknowledges-before-writing"); await import(${JSON.stringify(DRIVER)});`,
  );
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  const engine = stdio(driver);
  const { json } = await harness("kill", "--engine", engine, "--seed", "3", "--rounds", "8", "--json");
  rmSync(driver);
  const replayed = await execa(process.execPath, [MAIN, "replay", json.failures[0]!.directory], {
    cwd: root,
    reject: false,
  });
  expect(replayed.exitCode).toBe(2);
  expect(replayed.stderr).toContain(driver);
});

/** A line of the harness, as a shell takes it; of this build. */
async function asTyped(line: string): Promise<{ exitCode?: number; stdout: string }> {
  const words = line.replace(/^npx tinykv-harness/, `'${process.execPath}' '${MAIN}'`);
  return await execa("sh", ["-c", words], { cwd: root, reject: false });
}

test.skipIf(straceProblem() !== undefined)(
  "a part of the crash images has its share, and a seed of its own",
  async () => {
    const words = ["--engine", stdio(OURS), "--seed", "3", "--ops", "20", "--images", "5", "--json", "--shard"];
    expect((await harness("crash", ...words, "1/2")).json).toMatchObject({ seed: "3:1", images: 3 });
    expect((await harness("crash", ...words, "2/2")).json).toMatchObject({ seed: "3:2", images: 2 });
  },
);

test("engines through each suite are one table", async () => {
  const few = ["--ops", "300", "--rounds", "1", "--images", "4"];
  const names = ["tinykv", stdio(DRIVER, "honest")];
  const { json } = await harness("engines", "--results", "--engine", ...names, ...few, "--json");
  const rows = json["rows"] as { engine: string; cells: ({ count: number; failures: unknown[] } | undefined)[] }[];
  expect(rows.map(({ engine }) => engine)).toEqual(names);
  expect(rows[0]!.cells.slice(0, 5).map((cell) => cell?.failures)).toEqual([[], [], [], [], []]);
  expect(rows[0]!.cells[0]!.count).toBeGreaterThan(150);
  expect(json["suites"]).toHaveLength(rows[0]!.cells.length);
});

test("an engine that there is not is a usage error before anything runs", async () => {
  const words = ["engines", "--results", "--engine", "tinykv", "no-such-engine", "--ops", "300"];
  const { exitCode, stdout, stderr } = await execa(process.execPath, [MAIN, ...words], { cwd: root, reject: false });
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("unknown engine no-such-engine");
  expect(stderr).not.toContain("tinykv …");
});

const missing = listPeers().find(({ version }) => version === undefined)?.name;
if (missing === undefined) console.log("a row of what is not installed is not tested: all is installed");

test.skipIf(missing === undefined)("an engine that is not installed has a row that says so", async () => {
  const { code, json } = await harness("engines", "--results", "--engine", missing!, "--json");
  expect(code).toBe(0);
  expect(json["rows"]).toEqual([{ engine: missing, missing: `${missing} is not installed`, cells: [] }]);
});

test("results end with the line of every command, and kills that tried too little are not ok", async () => {
  const few = ["--ops", "300", "--rounds", "1", "--images", "4", "--seed", FIRST_ANSWERS];
  const { code, json } = await harness("engines", "--results", "--engine", stdio(DRIVER, "honest"), ...few, "--json");
  expect(json).toMatchObject({ command: "engines", seed: FIRST_ANSWERS, ok: false });
  expect(json["ops"]).toBeGreaterThan(150);
  expect(json["seconds"]).toBeGreaterThan(0);
  expect(json.failures.map((failure) => Object.keys(failure).sort())).toEqual(
    json.failures.map(() => ["condition", "directory", "replay", "seed"]),
  );
  const [row] = json["rows"] as { cells: { of: string; complaints: string[] }[] }[];
  const kills = row!.cells.filter(({ of }) => of === "kills");
  expect(kills.flatMap(({ complaints }) => complaints).join()).toMatch(/only \d+ writes acknowledged in 1 rounds/);
  expect(code).toBe(1);
});
