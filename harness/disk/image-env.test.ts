import { TinyKVError } from "tinykv";
import { envContract } from "tinykv/env";
import { expect, test } from "vitest";
import { ImageEnv } from "./image-env.ts";
import { ContentStore, makeImage, type Image } from "./image.ts";

for (const shortCounts of [false, true]) {
  for (const { name, run } of envContract) {
    test(`${shortCounts ? "short counts: " : ""}${name}`, async () => {
      const env = new ImageEnv(undefined, { shortCounts });
      env.makeDirectory("/case");
      await run(env, "/case");
    });
  }
}

const contents = new ContentStore();

function imageOf(files: Record<string, string>, directories: string[]): Image {
  const entries = Object.entries(files).map(([path, text]) => [path, contents.of(Buffer.from(text))] as const);
  return makeImage(entries, directories);
}

const IMAGE = imageOf({ "/d/store/a": "alpha", "/d/store/b": "", "/d/store/lost/c": "gamma" }, [
  "/",
  "/d",
  "/d/store",
  "/d/store/lost",
]);

function textOf(env: ImageEnv, path: string): string | undefined {
  const bytes = env.contentsOf(path);
  return bytes && Buffer.from(bytes).toString("latin1");
}

function errnoFrom(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return (error as { code?: unknown }).code;
  }
}

function draw(seed: number): string {
  return Buffer.from(new ImageEnv(undefined, { seed }).randomBytes(32)).toString("hex");
}

test("what nothing has changed is captured as it was mounted, the very objects of its contents", () => {
  const env = new ImageEnv(IMAGE);
  env.open("/d/store/a", "rw").close();
  const captured = env.capture(new ContentStore()); // one that knows nothing: any new content would have another number
  expect(captured.key).toBe(IMAGE.key);
  expect(captured.directories).toEqual(IMAGE.directories);
  for (const [path, content] of IMAGE.files) expect(captured.files.get(path)).toBe(content);
});

test("a mounted file reads as the image has it, and a write to it leaves the image alone", () => {
  for (const change of ["write", "truncate", "grow", "overwrite"] as const) {
    const env = new ImageEnv(IMAGE);
    const file = env.open("/d/store/a", "rw");
    const buffer = Buffer.alloc(9);
    expect([file.size(), file.read(buffer, 1), buffer.toString("latin1", 0, 4)]).toEqual([5, 4, "lpha"]);
    if (change === "write") file.write(Buffer.from("X"), 0);
    else if (change === "truncate") file.truncate(2);
    else if (change === "grow") file.truncate(8);
    else env.overwrite("/d/store/a", Buffer.from("other"));
    const expected = { write: "Xlpha", truncate: "al", grow: "alpha\0\0\0", overwrite: "other" }[change];
    expect(textOf(env, "/d/store/a")).toBe(expected);
    expect(Buffer.from(IMAGE.files.get("/d/store/a")!.bytes).toString()).toBe("alpha");
    expect(textOf(new ImageEnv(IMAGE), "/d/store/a")).toBe("alpha");
    const captured = env.capture(contents).files;
    expect(Buffer.from(captured.get("/d/store/a")!.bytes).toString("latin1")).toBe(expected);
    expect(captured.get("/d/store/lost/c")).toBe(IMAGE.files.get("/d/store/lost/c"));
  }
});

test("a captured image does not see later writes, nor does the env see writes to what was overwritten", () => {
  const env = new ImageEnv(IMAGE);
  const file = env.open("/d/store/a", "rw");
  file.write(Buffer.from("X"), 0);
  const captured = env.capture(new ContentStore()); // one that has no copy of these bytes yet
  const seen = env.contentsOf("/d/store/a")!;
  file.write(Buffer.from("Y"), 0);
  expect(Buffer.from(captured.files.get("/d/store/a")!.bytes).toString()).toBe("Xlpha");
  expect(Buffer.from(seen).toString()).toBe("Xlpha");
  const borrowed = Buffer.from("borrowed");
  env.overwrite("/d/store/a", borrowed);
  file.write(Buffer.from("B"), 0);
  expect([borrowed.toString(), textOf(env, "/d/store/a")]).toEqual(["borrowed", "Borrowed"]);
});

test("capture and mount are inverse, and equal disks have equal images however they came about", () => {
  const env = new ImageEnv(IMAGE);
  env.makeDirectory("/d/new");
  env.open("/d/new/x", "wx").write(Buffer.from("delta"), 3);
  env.rename("/d/store/a", "/d/new/a");
  env.unlink("/d/store/b");
  env.link("/d/new/a", "/d/store/linked");
  const image = env.capture(contents);
  expect([...image.files.keys()]).toEqual(["/d/new/a", "/d/new/x", "/d/store/linked", "/d/store/lost/c"]);
  expect(new ImageEnv(image).capture(contents).key).toBe(image.key);
  const same = imageOf(
    { "/d/store/linked": "alpha", "/d/new/x": "\0\0\0delta", "/d/store/lost/c": "gamma", "/d/new/a": "alpha" },
    ["/d/new", "/d", "/", "/d/store", "/d/store/lost"],
  );
  expect(image.key).toBe(same.key);
});

test("a file without a name is in no image", () => {
  const env = new ImageEnv(IMAGE);
  const file = env.open("/d/store/a", "rw");
  env.unlink("/d/store/a");
  expect(file.write(Buffer.from("X"), 0)).toBe(1);
  expect([...env.capture(contents).files.keys()]).toEqual(["/d/store/b", "/d/store/lost/c"]);
});

test("a gap that a write or truncate leaves is zeros, also where bytes had been before", () => {
  const env = new ImageEnv();
  const file = env.open("/a", "wx");
  file.write(Buffer.alloc(3000, 1), 0);
  file.truncate(1);
  file.truncate(3);
  file.write(Buffer.from("x"), 5);
  expect(textOf(env, "/a")).toBe("\x01\0\0\0\0x");
  file.truncate(0);
  file.write(Buffer.from("y"), 2000);
  expect(textOf(env, "/a")).toBe(`${"\0".repeat(2000)}y`);
});

test("a file grows by doubling: 1 MiB in pieces of 64 bytes costs no copy of all for each", () => {
  const env = new ImageEnv();
  const file = env.open("/a", "wx");
  const piece = Buffer.alloc(64, 7);
  for (let position = 0; position < 1 << 20; position += piece.length) file.write(piece, position);
  expect(Buffer.alloc(1 << 20, 7).equals(env.contentsOf("/a")!)).toBe(true);
});

test("a moved directory is found with all that is in it under its new path, and no more under the old", () => {
  const env = new ImageEnv(IMAGE);
  env.makeDirectory("/d/store2");
  env.makeDirectory("/d/target");
  env.rename("/d/store", "/d/target");
  expect(env.readDirectory("/d/target/lost")).toEqual(["c"]);
  expect(textOf(env, "/d/target/lost/c")).toBe("gamma");
  expect(errnoFrom(() => env.stat("/d/store/lost/c"))).toBe("ENOENT");
  expect(errnoFrom(() => env.open("/d/store/new", "wx"))).toBe("ENOENT");
  expect(env.capture(contents).directories).toEqual(["/", "/d", "/d/store2", "/d/target", "/d/target/lost"]);
});

test("a removed directory holds nothing any more", () => {
  const env = new ImageEnv(IMAGE);
  env.unlink("/d/store/lost/c");
  env.removeDirectory("/d/store/lost");
  expect(errnoFrom(() => env.open("/d/store/lost/c", "wx"))).toBe("ENOENT");
  env.makeDirectory("/d/store/lost");
  expect(env.readDirectory("/d/store/lost")).toEqual([]);
});

test("paths are absolute or relative to the root, however they are spelt", () => {
  const env = new ImageEnv(IMAGE);
  const { inode } = env.stat("/d/store/a");
  const spellings = ["d/store/a", "./d/store/a", "/d//store/a", "//d/store/a", "/d/./store/../store/a", "/d/store/a/"];
  for (const path of spellings) expect([path, env.stat(path).inode]).toEqual([path, inode]);
  for (const path of ["/d/store/.", "/d/store/", "/d/store/lost/..", "d/store", "/d/store"]) {
    expect(env.readDirectory(path).sort()).toEqual(["a", "b", "lost"]);
  }
  for (const path of ["/", ".", "", "/d/.."]) expect(env.readDirectory(path)).toEqual(["d"]);
  expect(errnoFrom(() => env.open("/d/store/..", "wx"))).toBe("EEXIST");
});

test("the root can be neither made nor removed nor replaced nor moved", () => {
  const env = new ImageEnv();
  env.open("/file", "wx").close();
  expect(errnoFrom(() => env.makeDirectory("/"))).toBe("EEXIST");
  expect(errnoFrom(() => env.removeDirectory("/"))).toBe("EBUSY");
  expect(errnoFrom(() => env.rename("/file", "/"))).toBe("EISDIR");
  expect(errnoFrom(() => env.rename("/", "/file"))).toBe("ENOTDIR");
  expect(errnoFrom(() => env.rename("/", "/moved"))).toBe("EINVAL");
  expect(env.readDirectory("/")).toEqual(["file"]);
});

test("an image whose directories do not hold together is refused", () => {
  expect(() => new ImageEnv(imageOf({ "/d/store/a": "x" }, ["/d"]))).toThrow("the directory around it");
  expect(() => new ImageEnv(imageOf({}, ["/d/store"]))).toThrow("the directory around it");
});

test("an image may list the root or not; a captured one does", () => {
  const env = new ImageEnv(imageOf({ "/a": "x" }, ["/d"]));
  expect(env.readDirectory("/").sort()).toEqual(["a", "d"]);
  expect(env.capture(contents).key).toBe(imageOf({ "/a": "x" }, ["/", "/d"]).key);
  expect(new ImageEnv().capture(contents).directories).toEqual(["/"]);
});

test("the same seed gives the same bytes, another seed others; the clock is a counter", () => {
  expect(draw(7)).toBe(draw(7));
  expect(new Set([0, 1, 2, 3, -1, 2 ** 31].map(draw)).size).toBe(6);
  const env = new ImageEnv();
  expect([env.now(), env.now()]).toEqual([1_700_000_000_000, 1_700_000_000_001]);
  env.sleep(0.25);
  expect(env.now()).toBe(1_700_000_000_003);
  expect(new ImageEnv(undefined, { now: 5 }).now()).toBe(5);
});

test("a lock is its file's, refused while it is held, and a new env knows nothing of it", () => {
  const env = new ImageEnv(IMAGE);
  const lock = env.lock("/d/store/LOCK");
  env.link("/d/store/LOCK", "/d/store/ALIAS");
  for (const path of ["/d/store/LOCK", "/d/store/ALIAS"]) expect(() => env.lock(path)).toThrow(TinyKVError);
  new ImageEnv(env.capture(contents)).lock("/d/store/LOCK").release();
  lock.release();
  env.lock("/d/store/ALIAS").release();
});

test("errors are like Node's, without a stack, and the depth of other stacks stays what it was", () => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 7;
  const env = new ImageEnv(IMAGE);
  try {
    env.open("/d/store/none", "r");
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOENT", syscall: "open" });
    expect((error as Error).message).toBe("ENOENT: no such file or directory, open '/d/store/none'");
    expect((error as Error).stack).not.toContain("\n");
  }
  expect(Error.stackTraceLimit).toBe(7);
  Error.stackTraceLimit = limit;
});

test("contentsOf knows files only, and overwrite needs one", () => {
  const env = new ImageEnv(IMAGE);
  expect(env.contentsOf("/d/store")).toBeUndefined();
  expect(env.contentsOf("/d/store/none")).toBeUndefined();
  expect(errnoFrom(() => env.overwrite("/d/store/none", new Uint8Array(1)))).toBe("ENOENT");
  expect(env.contentsOf("/d/store/b")).toHaveLength(0);
});

test("an open descriptor sees what was overwritten", () => {
  const env = new ImageEnv(IMAGE);
  const file = env.open("/d/store/a", "r");
  env.overwrite("/d/store/a", Buffer.from("xyz"));
  const buffer = Buffer.alloc(5);
  expect([file.size(), file.read(buffer, 0), buffer.toString("latin1", 0, 3)]).toEqual([3, 3, "xyz"]);
});
