// Descriptors of a program that has children: what a number means in which process.

import { expect, test } from "vitest";
import { hex, named, others, fd, HERE, LOG, OPEN, trace } from "./strace-text.test-support.ts";

const FORK = "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 78";
const THREAD = "clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD} => {parent_tid=[78]}, 88) = 78";

function open(number: number, name: string, flags = "O_RDWR|O_CREAT"): string {
  const path = `/real/store/${name}`;
  return `openat(${HERE}, ${named(path)}, ${flags}, 0644) = ${fd(number, path)}`;
}

function write(number: number, name: string, text: string): string {
  return `write(${fd(number, `/real/store/${name}`)}, "${hex(text)}", ${text.length}) = ${text.length}`;
}

test("a forked child has its parent's files, at the same offset, and its own numbers for what either opens later", () => {
  const { events } = trace(
    OPEN,
    write(5, "log", "a"),
    FORK,
    ...others(write(5, "log", "b"), open(6, "child")),
    open(6, "parent"),
    write(6, "parent", "p"),
    ...others(write(6, "child", "c")),
    write(5, "log", "d"),
  );
  expect(events).toEqual([
    "open /db/log wx 1",
    "write 1 0 a",
    "write 1 1 b",
    "open /db/child wx 2",
    "open /db/parent wx 3",
    "write 3 0 p",
    "write 2 0 c",
    "write 1 2 d",
  ]);
});

test("a file is open until the last process that has it closes it or ends", () => {
  const child = trace(OPEN, FORK, ...others(`close(${LOG}) = 0`), write(5, "log", "a"), `close(${LOG}) = 0`);
  expect(child.events).toEqual(["open /db/log wx 1", "write 1 0 a", "close 1"]);
  const ended = trace(OPEN, FORK, `close(${LOG}) = 0`, ...others(write(5, "log", "a"), "exit_group(0)   = ?"));
  expect(ended.events).toEqual(["open /db/log wx 1", "write 1 0 a", "close 1"]);
});

test("a thread's numbers are its process's", () => {
  const { events } = trace(OPEN, THREAD, ...others(`close(${LOG}) = 0`, open(5, "next")), write(5, "next", "a"));
  expect(events).toEqual(["open /db/log wx 1", "close 1", "open /db/next wx 2", "write 2 0 a"]);
});

test("a child that calls before the call that made it returns has its parent's files", () => {
  const { events } = trace(
    OPEN,
    "vfork( <unfinished ...>",
    ...others(write(5, "log", "a"), `close(${LOG}) = 0`),
    "<... vfork resumed>)              = 78",
    write(5, "log", "b"),
  );
  expect(events).toEqual(["open /db/log wx 1", "write 1 0 a", "write 1 1 b"]);
});

test("another program has what does not close on exec, and nothing when the call fails", () => {
  const kept = fd(7, "/real/store/kept");
  const exec = `execve(${named("/bin/x")}, [${named("x")}], 0x7f /* 9 vars */)`;
  const { events } = trace(
    open(6, "gone", "O_RDWR|O_CREAT|O_CLOEXEC"),
    open(7, "kept", "O_RDWR|O_CREAT|O_CLOEXEC"),
    `fcntl(${kept}, F_SETFD, 0) = 0`,
    `fcntl(${kept}, F_DUPFD_CLOEXEC, 9) = ${fd(9, "/real/store/kept")}`,
    `${exec} = -1 ENOENT (No such file or directory)`,
    `${exec} = 0`,
    write(7, "kept", "a"),
    `close(${kept}) = 0`,
  );
  expect(events.slice(2)).toEqual(["close 1", "write 2 0 a", "close 2"]);
});

test("a range of numbers is closed at once, in the child alone", () => {
  const { events } = trace(
    OPEN,
    FORK,
    ...others("close_range(3, 4294967295, 0) = 0", `write(5<pipe:[7]>, "${hex("no file")}", 7) = 7`),
    write(5, "log", "a"),
    "close_range(3, 4, 0) = 0",
    write(5, "log", "b"),
    "close_range(3, 2147483647, CLOSE_RANGE_CLOEXEC) = 0",
    write(5, "log", "c"),
    "close_range(5, 5, 0) = 0",
  );
  expect(events.slice(1)).toEqual(["write 1 0 a", "write 1 1 b", "write 1 2 c", "close 1"]);
});

test("a number that another file takes over is no longer the store's", () => {
  const other = fd(5, "/elsewhere/other");
  const { events } = trace(
    OPEN,
    `dup2(${fd(4, "/elsewhere/other")}, 5) = ${other}`,
    `write(${other}, "${hex("not the store's")}", 15) = 15`,
  );
  expect(events).toEqual(["open /db/log wx 1", "close 1"]);
});

test("names without a directory are of the process's own working directory", () => {
  const { events } = trace(
    OPEN,
    `chdir(${named("/real")}) = 0`,
    `rename(${named("store/log")}, ${named("store/old")}) = 0`,
    FORK,
    ...others(`chdir(${named("store")}) = 0`, `unlink(${named("old")}) = 0`),
    `mkdir(${named("store/made")}, 0755) = 0`,
    `fchdir(${fd(9, "/real/store/made")}) = 0`,
    `mkdir(${named("deeper")}, 0755) = 0`,
    `chdir(${named("/nowhere")}) = -1 ENOENT (No such file or directory)`,
    `rmdir(${named("deeper")}) = 0`,
  );
  expect(events.slice(1)).toEqual([
    "rename /db/log /db/old",
    "unlink /db/old",
    "makeDirectory /db/made",
    "makeDirectory /db/made/deeper",
    "removeDirectory /db/made/deeper",
  ]);
});
