import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, expect, test, vi } from "vitest";
import { TinyKVError } from "../common/errors.ts";
import { decodeHolder, encodeHolder, thisProcess } from "./lock-holder.ts";
import { lockFile, type LockStrategy } from "./lock-file.ts";

// Children and workers start from dist/, which `npm test` builds first.
const built = new URL("../../dist/src/util/lock-file.js", import.meta.url).href;

const root = mkdtempSync(join(tmpdir(), "tinykv-lock-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true });
});

let directories = 0;
function newPath(): string {
  return join(mkdtempSync(join(root, `${directories++}-`)), "LOCK");
}

/** A process that runs `body` with `lockFile`, `path` and `strategy` in scope. */
function startChild(path: string, strategy: LockStrategy, body: string): ChildProcess {
  const script = join(root, `child-${directories++}.mjs`);
  const prelude = `import { lockFile } from ${JSON.stringify(built)};
    import fs from "node:fs";
    const [path, strategy] = process.argv.slice(2);
    const say = (line) => fs.writeSync(1, line + "\\n");\n`;
  writeFileSync(script, prelude + body);
  const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env; // reading certificates costs 30 ms a start
  const child = spawn(process.execPath, [script, path, strategy], {
    env: environment,
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.push(child);
  return child;
}

const HOLD = `const lock = lockFile(path, strategy);
  process.stdin.on("data", () => { lock.release(); say("released"); });
  say("held");`;

/** A worker thread of this process that takes the lock, says "held" or the error's code, and stays. */
function startWorker(path: string, strategy: LockStrategy): Worker {
  const body = `import("${built}").then(({ lockFile }) => {
    const { parentPort, workerData } = require("node:worker_threads");
    let said = "held";
    try { globalThis.lock = lockFile(...workerData); } catch (error) { said = error.code; }
    parentPort.postMessage(said);
    parentPort.on("message", () => undefined);
  });`;
  return new Worker(body, { eval: true, workerData: [path, strategy] });
}

/** The next line that a child says; rejects when it ends without one. */
function saidBy(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout!.once("data", (line) => resolve(String(line).trim()));
    child.once("close", (code) => reject(new Error(`the child ended with ${code}`)));
  });
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

function refusal(path: string, strategy?: LockStrategy): TinyKVError {
  try {
    lockFile(path, strategy).release();
  } catch (error) {
    if (error instanceof TinyKVError) return error;
    throw error;
  }
  throw new Error("the lock was given");
}

const strategies: LockStrategy[] = process.platform === "linux" ? ["socket", "content"] : ["content"];

for (const strategy of strategies) {
  test(`${strategy}: while one process holds the lock, another is refused and told its pid`, async () => {
    const path = newPath();
    const child = startChild(path, strategy, HOLD);
    expect(await saidBy(child)).toBe("held");
    const error = refusal(path, strategy);
    expect([error.code, error.message]).toEqual(["TINYKV_LOCKED", `${path} is held by process ${child.pid}`]);
    expect(decodeHolder(readFileSync(path, "utf8"))).toMatchObject({ pid: child.pid, host: thisProcess().host });
    child.stdin!.write("release\n");
    expect(await saidBy(child)).toBe("released");
    lockFile(path, strategy).release(); // while the earlier holder still runs
    await kill(child);
  });

  test(`${strategy}: a lock left by SIGKILL does not block`, async () => {
    const path = newPath();
    const child = startChild(path, strategy, HOLD);
    expect(await saidBy(child)).toBe("held");
    await kill(child);
    const begin = performance.now();
    const lock = lockFile(path, strategy);
    expect(performance.now() - begin).toBeLessThan(50);
    expect(decodeHolder(readFileSync(path, "utf8"))?.pid).toBe(process.pid);
    lock.release();
  });

  test(`${strategy}: the same process is refused a second time, and has it again at once after release`, () => {
    const path = newPath();
    for (let round = 0; round < 20; round++) {
      const lock = lockFile(path, strategy);
      expect(refusal(path, strategy).message).toContain(`process ${process.pid}, this one`);
      lock.release();
      lock.release();
    }
  });

  test(`${strategy}: a worker thread of the holder is refused; when it is the holder, its process is`, async () => {
    const path = newPath();
    const lock = lockFile(path, strategy);
    const refused = startWorker(path, strategy);
    expect(await once(refused, "message")).toEqual(["TINYKV_LOCKED"]);
    lock.release();
    const holder = startWorker(path, strategy);
    expect(await once(holder, "message")).toEqual(["held"]);
    expect(refusal(path, strategy).code).toBe("TINYKV_LOCKED");
    await Promise.all([refused.terminate(), holder.terminate()]);
  });

  test(`${strategy}: a refused opener writes nothing and lives on`, async () => {
    const path = newPath();
    const lock = lockFile(path, strategy);
    const before = [readFileSync(path, "latin1"), statSync(path).mtimeMs, statSync(path).ino];
    const body = `try { lockFile(path, strategy); } catch (error) { say(error.code); }
      setTimeout(() => say("alive"), 30);`;
    const child = startChild(path, strategy, body);
    const complaints: string[] = [];
    child.stderr!.on("data", (text) => complaints.push(String(text)));
    expect(await saidBy(child)).toBe("TINYKV_LOCKED");
    expect(await saidBy(child)).toBe("alive");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(complaints).toEqual([]);
    expect([readFileSync(path, "latin1"), statSync(path).mtimeMs, statSync(path).ino]).toEqual(before);
    lock.release();
  });

  test(`${strategy}: holding the lock keeps no process alive`, async () => {
    const child = startChild(newPath(), strategy, `lockFile(path, strategy); say("held");`);
    expect(await once(child, "exit")).toEqual([0, null]);
  });
}

test.runIf(process.platform === "linux")(
  "socket: the end of the worker thread that holds it frees the lock",
  async () => {
    const path = newPath();
    const worker = startWorker(path, "socket");
    expect(await once(worker, "message")).toEqual(["held"]);
    await worker.terminate();
    lockFile(path, "socket").release();
  },
);

// The order of destroy(): LOCK is removed first, given back then. Whoever opened the old file in between must notice
// that the socket it gets guards a file that nobody will find any more.
test.runIf(process.platform === "linux")("socket: a LOCK removed by its holder is held by no two at once", async () => {
  const path = newPath();
  const body = `const witness = path + ".held";
    let rounds = 0;
    for (const end = Date.now() + 500; Date.now() < end; ) {
      let lock;
      try { lock = lockFile(path, strategy); } catch (error) { if (error.code === "TINYKV_LOCKED") continue; throw error; }
      fs.closeSync(fs.openSync(witness, "wx"));
      for (let i = 0; i < 2000; i++) Math.sqrt(i);
      fs.unlinkSync(witness);
      fs.unlinkSync(path);
      lock.release();
      rounds++;
    }
    say(String(rounds));`;
  const workers = [1, 2, 3].map(() => startChild(path, "socket", body));
  const complaints: string[] = [];
  for (const worker of workers) worker.stderr!.on("data", (text) => complaints.push(String(text)));
  const rounds = await Promise.all(workers.map(async (worker) => Number(await saidBy(worker).catch(() => 0))));
  expect(complaints).toEqual([]);
  expect(Math.max(...rounds)).toBeGreaterThan(10);
});

test.runIf(process.platform === "linux")("socket: a holder that LOCK does not name is refused without a pid", () => {
  const path = newPath();
  const lock = lockFile(path, "socket");
  const dead = { ...thisProcess(), start: "1" };
  for (const text of ["", "{", "null", '{"pid":-1}', "\0".repeat(100), encodeHolder(dead).toString()]) {
    writeFileSync(path, text);
    expect(refusal(path, "socket").message).toBe(`${path} is held by another process or thread`);
  }
  lock.release();
});

test.runIf(process.platform === "linux")(
  "socket: its name fills sun_path, so that it is one name on every Node",
  () => {
    const path = newPath();
    const lock = lockFile(path, "socket");
    const { dev, ino } = statSync(path, { bigint: true });
    const bound = (): string[] =>
      readFileSync("/proc/net/unix", "latin1")
        .split(/[ \n]/)
        .filter((name) => name.startsWith(`@tinykv:${dev}:${ino}@`));
    expect(bound()).toEqual([`@tinykv:${dev}:${ino}`.padEnd(108, "@")]);
    lock.release();
    expect(bound()).toEqual([]);
  },
);

test.runIf(process.platform === "linux")("socket: the lock belongs to the file, whatever it is called", () => {
  const path = newPath();
  const lock = lockFile(path, "socket");
  linkSync(path, `${path}.other`);
  expect(refusal(`${path}.other`, "socket").code).toBe("TINYKV_LOCKED");
  unlinkSync(path);
  lockFile(path, "socket").release(); // a new file of the old name
  lock.release();
});

test("content: a holder that is dead, restarted or unreadable is replaced, one that lives or cannot be judged is not", () => {
  const living = thisProcess();
  const stale = [
    encodeHolder({ ...living, pid: 2 ** 22 + 1 }), // above the greatest pid of Linux
    encodeHolder({ ...living, start: "1" }),
    encodeHolder({ ...living, bootId: "another boot" }),
    Buffer.from("not a holder"),
    Buffer.alloc(0),
  ];
  for (const content of stale) {
    const path = newPath();
    writeFileSync(path, content);
    const lock = lockFile(path, "content");
    expect(decodeHolder(readFileSync(path, "utf8"))).toEqual(living);
    lock.release();
  }
  for (const holder of [living, { ...living, host: "elsewhere", pid: 77 }]) {
    const path = newPath();
    writeFileSync(path, encodeHolder(holder));
    expect(refusal(path, "content").message).toContain(`process ${holder.pid}`);
    expect(decodeHolder(readFileSync(path, "utf8"))).toEqual(holder);
  }
});

test("content: release removes its own LOCK, not the one of a successor", () => {
  const path = newPath();
  const first = lockFile(path, "content");
  linkSync(path, `${path}.kept`); // so that its inode is not given to the next file
  unlinkSync(path);
  const second = lockFile(path, "content");
  first.release();
  expect(refusal(path, "content").code).toBe("TINYKV_LOCKED");
  second.release();
  expect(() => statSync(path)).toThrow(/ENOENT/);
});

test("a LOCK that is a symbolic link is refused by both strategies, its target untouched", () => {
  const path = newPath();
  writeFileSync(`${path}.target`, "precious");
  symlinkSync(`${path}.target`, path);
  for (const strategy of strategies) expect(() => lockFile(path, strategy)).toThrow(/ELOOP|EINVAL/);
  expect(readFileSync(`${path}.target`, "latin1")).toBe("precious");
});

test("holders come back from their bytes", () => {
  expect(decodeHolder(encodeHolder(thisProcess()).toString())).toEqual(thisProcess());
  expect(thisProcess().pid).toBe(process.pid);
});

test("LOCK can name no process that is none, and nothing that steers a terminal", () => {
  const living = thisProcess();
  for (const pid of [0, -1, -living.pid, 1.5, 2 ** 31, 1e300, "1", undefined, [1], Number.MAX_SAFE_INTEGER])
    expect(decodeHolder(JSON.stringify({ ...living, pid })), String(pid)).toBeUndefined();
  for (const host of ["\u001b[2J", "two\nlines", "\u009b1m", "x".repeat(256)])
    expect(decodeHolder(JSON.stringify({ ...living, host }))).toBeUndefined();
  expect(decodeHolder(`{"pid":1,"__proto__":{"start":"","bootId":"","host":""}}`)).toBeUndefined();
});

test("whatever LOCK says, no signal but 0 is ever sent, and only to a process that it may name", () => {
  const kill = vi.spyOn(process, "kill");
  try {
    for (const content of hostileContents()) {
      for (const strategy of strategies) {
        const path = newPath();
        writeFileSync(path, content);
        try {
          lockFile(path, strategy).release();
        } catch (error) {
          expect(error).toMatchObject({ code: "TINYKV_LOCKED" });
        }
      }
    }
    for (const [pid, signal] of kill.mock.calls) {
      expect(signal).toBe(0);
      expect(pid).toBeGreaterThan(0);
    }
    expect(kill.mock.calls.length).toBeGreaterThan(0);
  } finally {
    kill.mockRestore();
  }
});

function hostileContents(): Buffer[] {
  const living = thisProcess();
  const holders = [1, 0, -1, 2 ** 31, 1e300, process.ppid].map((pid) => JSON.stringify({ ...living, pid }));
  return [...holders, "[".repeat(100_000), `{"pid":${"9".repeat(10_000)}}`].map((text) => Buffer.from(text));
}

test("a LOCK of any size is read a few KiB of", () => {
  const path = newPath();
  writeFileSync(path, "not a holder");
  truncateSync(path, 2 ** 40);
  lockFile(path, "content").release();
});

test("a LOCK that is a FIFO, a directory or a socket is refused at once", () => {
  for (const strategy of strategies) {
    const fifo = newPath();
    spawnSync("mkfifo", [fifo]);
    expect(() => lockFile(fifo, strategy)).toThrow(/EINVAL/);
    const below = newPath();
    mkdirSync(below);
    expect(() => lockFile(below, strategy)).toThrow(/EINVAL|EISDIR/);
  }
});
