import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { errnoOf } from "../common/errors.ts";
import { BARRIERS } from "./env.ts";
import { NodeEnv, nodeEnv } from "./node-env.ts";

const directory = mkdtempSync(join(tmpdir(), "tinykv-node-env-"));
afterAll(() => rmSync(directory, { recursive: true }));

function errnoFrom(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

test("a symbolic link is neither opened nor locked, and stat sees the link itself", () => {
  const target = join(directory, "target");
  const link = join(directory, "link");
  writeFileSync(target, "precious");
  symlinkSync(target, link);
  expect(nodeEnv.stat(link).kind).toBe("symlink");
  expect(errnoFrom(() => nodeEnv.open(link, "r"))).toBe("ELOOP");
  expect(errnoFrom(() => nodeEnv.open(link, "rw"))).toBe("ELOOP");
  expect(errnoFrom(() => nodeEnv.open(link, "wx"))).toBe("EEXIST");
  expect(errnoFrom(() => nodeEnv.lock(link))).toBe("ELOOP");
  expect(readFileSync(target, "latin1")).toBe("precious");
});

test("a symbolic link that leads nowhere is no name for a new file", () => {
  const link = join(directory, "nowhere");
  symlinkSync(join(directory, "missing"), link);
  expect(errnoFrom(() => nodeEnv.open(link, "wx"))).toBe("EEXIST");
});

test.runIf(process.platform !== "win32")("opening a FIFO does not wait for its other end", () => {
  const fifo = join(directory, "000007.sst");
  execFileSync("mkfifo", [fifo]);
  expect(nodeEnv.stat(fifo).kind).toBe("other");
  const file = nodeEnv.open(fifo, "r");
  expect(errnoFrom(() => file.read(new Uint8Array(1), 0))).toBe("ESPIPE");
  file.close();
});

function openDescriptors(): number {
  return nodeEnv.readDirectory("/proc/self/fd").length;
}

test.runIf(process.platform === "linux")(
  "a close during syncAsync gives the descriptor back when the sync is done, not before",
  async () => {
    const before = openDescriptors();
    const file = nodeEnv.open(join(directory, "slow"), "wx");
    file.write(Buffer.alloc(1 << 20), 0);
    const synced = [file.syncAsync("log.write"), file.syncAsync("log.write")];
    file.close();
    expect(openDescriptors()).toBe(before + 1);
    expect(errnoFrom(() => file.size())).toBe("EBADF");
    await Promise.all(synced);
    expect(openDescriptors()).toBe(before);
  },
);

test("the clock is the system's", () => {
  const before = Date.now();
  const now = new NodeEnv().now();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now());
});

test("no barrier stands twice in the list", () => {
  expect(new Set(BARRIERS).size).toBe(BARRIERS.length);
});

test("random bytes are given once, and stay what they were", () => {
  const env = new NodeEnv();
  const drawn = Array.from({ length: 2000 }, (_, i) => env.randomBytes(8 + (i % 9)));
  const given = drawn.map((bytes) => Buffer.from(bytes).toString("hex").slice(0, 16));
  expect(new Set(given).size).toBe(drawn.length);
  env.randomBytes(4096);
  expect(drawn.map((bytes) => Buffer.from(bytes).toString("hex").slice(0, 16))).toEqual(given);
});
