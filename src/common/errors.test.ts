import { expect, test } from "vitest";
import { assert, AssertionError, unreachable } from "./assert.ts";
import { CorruptionError, errnoOf, invalidArgument, ioError, TinyKVError } from "./errors.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it happened`), { code });
}

test("a full disk and a full quota are NO_SPACE, every other errno is IO_ERROR", () => {
  for (const errno of ["ENOSPC", "EDQUOT"]) expect(ioError(systemError(errno), "write x").code).toBe("TINYKV_NO_SPACE");
  for (const errno of ["EIO", "ENOENT", "EMFILE", "EROFS", "EFBIG"]) {
    expect(ioError(systemError(errno), "write x").code).toBe("TINYKV_IO_ERROR");
  }
});

test("an I/O error says what was being done and keeps its cause", () => {
  const cause = systemError("EIO");
  const error = ioError(cause, "write 000012.log");
  expect(error).toBeInstanceOf(TinyKVError);
  expect([error.message, error.cause, error.name]).toEqual([
    "write 000012.log: EIO: it happened",
    cause,
    "TinyKVError",
  ]);
});

test("what is thrown without being an Error is an IO_ERROR too", () => {
  expect(ioError("out of luck", "sync x")).toMatchObject({ code: "TINYKV_IO_ERROR", message: "sync x: out of luck" });
});

test("a TinyKVError passes through ioError as it is", () => {
  for (const error of [new CorruptionError("f", 1, "bad"), new TinyKVError("TINYKV_LOCKED", "held")]) {
    expect(ioError(error, "read x")).toBe(error);
  }
});

test("the errno is found through any number of causes, and codes of our own are not errnos", () => {
  const wrapped = new TinyKVError("TINYKV_BACKGROUND_ERROR", "stopped", ioError(systemError("ENOSPC"), "write x"));
  expect(errnoOf(wrapped)).toBe("ENOSPC");
  expect(errnoOf(new Error("outer", { cause: wrapped }))).toBe("ENOSPC");
  expect(errnoOf(systemError("ENOENT"))).toBe("ENOENT");
  for (const none of [
    undefined,
    "ENOENT",
    7,
    new Error("plain"),
    new TinyKVError("TINYKV_CLOSED", "closed"),
    { code: "EIO" },
  ]) {
    expect(errnoOf(none)).toBeUndefined();
  }
});

test("a CorruptionError says which file, where and what", () => {
  const error = new CorruptionError("000007.sst", 4096, "block checksum");
  expect(error).toBeInstanceOf(TinyKVError);
  expect(error).toMatchObject({
    name: "CorruptionError",
    code: "TINYKV_CORRUPTION",
    file: "000007.sst",
    offset: 4096,
    problem: "block checksum",
    message: "000007.sst at 4096: block checksum",
  });
});

test("an error without a cause has none, not an undefined one", () => {
  expect("cause" in new TinyKVError("TINYKV_CLOSED", "closed")).toBe(false);
  const cause = new Error("inner");
  expect(invalidArgument("limit", cause)).toMatchObject({ code: "TINYKV_INVALID_ARGUMENT", cause });
});

test("a broken belief is an AssertionError in its own words, and no TinyKVError", () => {
  expect(() => assert(true, "fine")).not.toThrow();
  expect(() => assert(false, "keys must ascend")).toThrow(new AssertionError("keys must ascend"));
  expect(() => unreachable("left" as never)).toThrow("unreachable: left");
  expect(new AssertionError("x")).not.toBeInstanceOf(TinyKVError);
});
