// Processes of their own: the thread is there by default, keeps no process alive, and is gone after the last close.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const PACKAGE = new URL("../../../dist/src/index.js", import.meta.url).href;

/** Runs a module in a process of its own, with a directory; what it prints. It is killed, and fails, if it does not end. */
async function run(body: string, ...flags: string[]): Promise<Record<string, unknown>> {
  const scratch = mkdtempSync(join(tmpdir(), "tinykv-ends-"));
  const lines = [
    `import { open } from ${JSON.stringify(PACKAGE)};`,
    `import { readdirSync } from "node:fs";`,
    `const threads = () => readdirSync("/proc/self/task").length;`,
    `const options = { sync: false, writeBufferSize: 64 << 10 };`,
    `const fill = (db, count = 5000) => { for (let i = 0; i < count; i++) db.put("key" + i, "value ".repeat(10) + i); };`,
    `const directory = ${JSON.stringify(join(scratch, "db"))};`,
    body,
  ];
  try {
    const file = [...flags, "--input-type=module", "-e", lines.join("\n")];
    const { stdout } = await promisify(execFile)(process.execPath, file, { timeout: 20_000 });
    return JSON.parse(stdout) as Record<string, unknown>;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

test.runIf(process.platform === "linux")(
  "the thread begins with the first job, and ends with the last store",
  async () => {
    const told = await run(`
    const db = open(directory, options);
    const other = open(directory + "-other", options);
    const told = { mode: db.options.background, opened: threads() };
    fill(db, 10);
    told.written = threads();
    fill(db);
    fill(other);
    told.working = threads();
    db.close();
    told.oneClosed = threads();
    other.close();
    const end = Date.now() + 10000;
    while (threads() > told.opened && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
    told.closed = threads();
    console.log(JSON.stringify(told));
  `);
    const { opened, working } = told as { opened: number; working: number };
    expect(told).toMatchObject({ mode: "thread", written: opened, oneClosed: working, closed: opened });
    expect(working).toBe(opened + 1);
  },
);

test("a process that closes nothing ends by itself, in the middle of a job too", async () => {
  const told = await run(`
    const db = open(directory, options);
    fill(db);
    console.log(JSON.stringify({ jobs: db.backgroundJobs().length, flushes: db.stats().flushes }));
  `);
  expect(told["flushes"]).toBeGreaterThan(0);
});

test("what a process left without a close is all there, and none of its unfinished tables", async () => {
  const told = await run(`
    import { execFileSync } from "node:child_process";
    const writer = \`
      import { open } from ${JSON.stringify(PACKAGE)};
      const db = open(\${JSON.stringify(directory)}, { sync: false, writeBufferSize: 64 << 10 });
      for (let i = 0; i < 20000; i++) db.put("key" + i, "value ".repeat(10) + i);
      process.exit(db.backgroundJobs().length > 0 ? 7 : 8);
    \`;
    let code = 0;
    try {
      execFileSync(process.execPath, ["--input-type=module", "-e", writer]);
    } catch (error) {
      code = error.status;
    }
    const db = open(directory, options);
    let count = 0;
    for (const _ of db.iterate({ values: false })) count++;
    const live = db.stats().levels.reduce((sum, level) => sum + level.tables, 0);
    const tables = readdirSync(directory).filter((name) => name.endsWith(".sst")).length;
    console.log(JSON.stringify({ code, count, orphans: tables - live, problems: db.verify().problems }));
    db.close();
  `);
  expect([7, 8]).toContain(told["code"]);
  expect(told).toMatchObject({ count: 20_000, orphans: 0, problems: [] });
});

test.runIf(process.platform === "linux")(
  "stores that are closed while the thread loads its modules leave no descriptor of them open",
  async () => {
    const told = await run(`
    import { readlinkSync } from "node:fs";
    const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
    const target = (fd) => { try { return readlinkSync("/proc/self/fd/" + fd); } catch { return ""; } };
    const opened = threads();
    for (let i = 0; i < 16; i++) {
      const db = open(directory, { ...options, writeBufferSize: 2 << 10, maxWriteBufferNumber: 16 });
      fill(db, 40);
      await pause(32 + 2 * i);
      db.close();
      await pause(30);
    }
    const end = Date.now() + 10000;
    while (threads() > opened && Date.now() < end) await pause(5);
    const left = readdirSync("/proc/self/fd").map(target).filter((name) => name.endsWith(".js"));
    console.log(JSON.stringify({ threads: threads() - opened, left }));
  `);
    expect(told).toEqual({ threads: 0, left: [] });
  },
);

test("a loop that opens and closes a store without a turn of the event loop keeps nothing of the stores", async () => {
  const told = await run(
    `
    const kept = () => { gc(); gc(); return process.memoryUsage().heapUsed; };
    const cycles = (count) => {
      for (let i = 0; i < count; i++) {
        const db = open(directory, options);
        db.put("key", "value");
        db.flush();
        db.close();
      }
    };
    cycles(20);
    const before = kept();
    cycles(40);
    console.log(JSON.stringify({ bytes: (kept() - before) / 40 }));
  `,
    "--expose-gc",
  );
  expect(told["bytes"]).toBeLessThan(40_000);
});
