// The text of strace, as calls. Lines are as strace 6.1 writes them with -f -y -xx.

import { expect, test } from "vitest";
import { bytesOf, descriptorOf, StraceError, systemCalls, type SystemCall } from "./system-calls.ts";

function hex(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

function calls(...lines: string[]): SystemCall[] {
  return [...systemCalls(lines)];
}

test("a call has a name, words and a result", () => {
  const [call] = calls(`77    pwrite64(12<${hex("/s/log")}>, "${hex("a,b")}", 3, 4096) = 3`);
  expect(call).toMatchObject({ thread: 77, name: "pwrite64", result: 3, error: undefined, begun: 1, ended: 1 });
  expect(call!.words).toEqual([`12<${hex("/s/log")}>`, `"${hex("a,b")}"`, "3", "4096"]);
  expect(bytesOf(call!.words[1]!)).toEqual(Buffer.from("a,b"));
  expect(descriptorOf(call!.words[0]!)).toEqual({ fd: 12, path: "/s/log" });
});

test("a call that another thread's came into is one call, from where it began to where it returned", () => {
  const [write, sync] = calls(
    `77    fdatasync(12<${hex("/s/log")}> <unfinished ...>`,
    `78    write(13<${hex("/s/a")}>, "${hex("x")}", 1) = 1`,
    "77    <... fdatasync resumed>)           = 0",
  );
  expect(write).toMatchObject({ name: "write", begun: 2, ended: 2 });
  expect(sync).toMatchObject({ name: "fdatasync", begun: 1, ended: 3, result: 0 });
});

test("a file that has lost its name while it is open keeps its path", () => {
  const [call] = calls(`77    close(19<${hex("/s/gone")}>(deleted)) = 0`);
  expect(descriptorOf(call!.words[0]!)).toEqual({ fd: 19, path: "/s/gone" });
});

test("a failed call says with what; what never returned is left out; signals and exits are no calls", () => {
  const all = calls(
    `77    openat(AT_FDCWD<${hex("/")}>, "${hex("x")}", O_RDONLY) = -1 ENOENT (No such file or directory)`,
    "77    --- SIGCHLD {si_signo=SIGCHLD} ---",
    "78    fsync(4 <unfinished ...>",
    "78    +++ killed by SIGKILL +++",
  );
  expect(all.map(({ name, error }) => [name, error])).toEqual([["openat", "ENOENT"]]);
});

test("a descriptor that is returned has its path, and a list of buffers is one word", () => {
  const [open, writev] = calls(
    `77    openat(AT_FDCWD<${hex("/")}>, "${hex("/s/a")}", O_RDWR|O_CREAT, 0644) = 5<${hex("/s/a")}>`,
    `77    writev(5<${hex("/s/a")}>, [{iov_base="${hex("a")}", iov_len=1}, {iov_base="${hex("bc")}", iov_len=2}], 2) = 3`,
  );
  expect(open).toMatchObject({ result: 5, resultPath: "/s/a" });
  expect(writev!.words).toHaveLength(3);
});

test("a string that strace has cut short is refused, not taken for the whole", () => {
  expect(() => bytesOf(`"${hex("abc")}"...`)).toThrow(StraceError);
});

test("the end of a call that never began is refused", () => {
  expect(() => calls("77    <... fsync resumed>) = 0")).toThrow(StraceError);
});
