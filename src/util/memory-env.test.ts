import { expect, test, vi } from "vitest";
import { errnoOf, TinyKVError } from "../common/errors.ts";
import { readFully, writeFully } from "./file-io.ts";
import { MemoryEnv } from "./memory-env.ts";

function draw(seed: number): string {
  return Buffer.from(new MemoryEnv({ seed }).randomBytes(32)).toString("hex");
}

function errnoFrom(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

test("the same seed gives the same bytes, another seed others", () => {
  expect(draw(7)).toBe(draw(7));
  expect(new Set([0, 1, 2, 3, -1, 2 ** 31].map(draw)).size).toBe(6);
});

test("the clock moves by a millisecond a call and by what is slept", () => {
  const env = new MemoryEnv({ now: 1000 });
  expect([env.now(), env.now(), env.now()]).toEqual([1000, 1001, 1002]);
  env.sleep(500);
  expect(env.now()).toBe(1503);
  env.sleep(0.25);
  expect(env.now()).toBe(1505);
  env.setNow(77);
  expect([env.now(), env.now()]).toEqual([77, 78]);
});

test("paths are absolute or relative to the root, however they are spelt", () => {
  const env = new MemoryEnv();
  env.makeDirectory("store");
  env.open("/store/a", "wx").close();
  const { inode } = env.stat("/store/a");
  for (const path of ["store/a", "./store/a", "/store//a", "/store/./a", "/store/../store/a", "//store/a"]) {
    expect([path, env.stat(path).inode]).toEqual([path, inode]);
  }
  expect(env.readDirectory(".")).toEqual(["store"]);
});

test("the root can be neither made nor removed nor replaced nor moved", () => {
  const env = new MemoryEnv();
  env.open("/file", "wx").close();
  expect(errnoFrom(() => env.makeDirectory("/"))).toBe("EEXIST");
  expect(errnoFrom(() => env.removeDirectory("/"))).toBe("EBUSY");
  expect(errnoFrom(() => env.rename("/file", "/"))).toBe("EISDIR");
  expect(errnoFrom(() => env.rename("/", "/file"))).toBe("ENOTDIR");
  expect(errnoFrom(() => env.rename("/", "/moved"))).toBe("EINVAL");
  expect(env.readDirectory("/")).toEqual(["file"]);
});

test("short counts are short, and the loops of file-io make them whole", () => {
  const env = new MemoryEnv({ shortCounts: true });
  const file = env.open("/a", "wx");
  const bytes = Buffer.from("0123456789");
  expect(file.write(bytes, 0)).toBe(5);
  writeFully(file, bytes, 0);
  expect(file.size()).toBe(10);
  const buffer = Buffer.alloc(20);
  expect(file.read(buffer.subarray(0, 9), 0)).toBe(5);
  expect(readFully(file, buffer, 0)).toBe(10);
  expect(buffer.toString("latin1", 0, 10)).toBe("0123456789");
  expect(file.write(Buffer.from("x"), 0)).toBe(1);
});

test("an append costs what it appends: 4 MiB in pieces of 4 KiB copy less than thrice as much", () => {
  const file = new MemoryEnv().open("/a", "wx");
  const piece = Buffer.alloc(4096, 1);
  const copies = vi.spyOn(Uint8Array.prototype, "set");
  for (let position = 0; position < 4 << 20; position += piece.length) file.write(piece, position);
  const copied = copies.mock.calls.reduce((sum, [source]) => sum + source.length, 0);
  copies.mockRestore();
  expect(file.size()).toBe(4 << 20);
  expect(copied).toBeGreaterThanOrEqual(4 << 20);
  expect(copied).toBeLessThan(3 * (4 << 20));
});

test("a position that is no offset is refused", () => {
  const file = new MemoryEnv().open("/a", "wx");
  for (const position of [-1, 0.5, Number.NaN, 2 ** 53]) {
    expect(() => file.write(Buffer.from("x"), position)).toThrow(/EINVAL/);
    expect(() => file.read(Buffer.alloc(1), position)).toThrow(/EINVAL/);
    expect(() => file.truncate(position)).toThrow(/EINVAL/);
  }
});

test("the lock belongs to the file, not to its name, and the refusal names this process", () => {
  const env = new MemoryEnv();
  env.lock("/LOCK");
  env.link("/LOCK", "/ALIAS");
  for (const path of ["/LOCK", "/ALIAS"]) {
    expect(() => env.lock(path)).toThrow(TinyKVError);
    expect(() => env.lock(path)).toThrow(`process ${process.pid}`);
  }
});

test("two environments share nothing", () => {
  const one = new MemoryEnv();
  one.open("/a", "wx").close();
  one.lock("/LOCK");
  const other = new MemoryEnv();
  expect(other.readDirectory("/")).toEqual([]);
  other.lock("/LOCK").release();
});
