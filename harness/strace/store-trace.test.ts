// System calls as events of the simulated disk.

import { expect, test } from "vitest";
import { fd, HERE, hex, LOG, named, OPEN, others, trace } from "./strace-text.test-support.ts";

test("writes go where the offset is, behind reads and seeks; positioned ones leave it alone; appends go to the end", () => {
  const { events } = trace(
    OPEN,
    `write(${LOG}, "${hex("abc")}", 3) = 3`,
    `pwrite64(${LOG}, "${hex("X")}", 1, 1) = 1`,
    `write(${LOG}, "${hex("d")}", 1) = 1`,
    `lseek(${LOG}, 2, SEEK_SET) = 2`,
    `write(${LOG}, "${hex("e")}", 1) = 1`,
    `openat(${HERE}, ${named("/real/store/log")}, O_WRONLY|O_APPEND) = ${fd(6, "/real/store/log")}`,
    `write(${fd(6, "/real/store/log")}, "${hex("f")}", 1) = 1`,
  );
  expect(events).toEqual([
    "open /db/log wx 1",
    "write 1 0 abc",
    "write 1 1 X",
    "write 1 3 d",
    "write 1 2 e",
    "open /db/log rw 2",
    "write 2 4 f",
  ]);
});

test("a write that falls short wrote what it says", () => {
  expect(trace(OPEN, `write(${LOG}, "${hex("abc")}", 3) = 2`).events.at(-1)).toBe("write 1 0 ab");
});

test("names: directories are made and synced, files renamed, linked and removed", () => {
  const { events } = trace(
    `mkdir(${named("/real/store")}, 0755) = 0`,
    OPEN,
    `rename(${named("/real/store/log")}, ${named("/real/store/old")}) = 0`,
    `linkat(${HERE}, ${named("/real/store/old")}, ${HERE}, ${named("/real/store/two")}, 0) = 0`,
    `unlink(${named("/real/store/old")}) = 0`,
    `openat(${HERE}, ${named("/real/store")}, O_RDONLY|O_DIRECTORY) = ${fd(9, "/real/store")}`,
    `fsync(${fd(9, "/real/store")}) = 0`,
    `mkdir(${named("/elsewhere/x")}, 0755) = 0`,
  );
  expect(events).toEqual([
    "makeDirectory /db",
    "open /db/log wx 1",
    "rename /db/log /db/old",
    "link /db/old /db/two",
    "unlink /db/old",
    "syncDirectory /db",
  ]);
});

test("a sync that another thread's write came into covers what came before its beginning", () => {
  const { events } = trace(
    OPEN,
    `fdatasync(${LOG} <unfinished ...>`,
    `write(${LOG}, "${hex("late")}", 4) = 4`,
    "<... fdatasync resumed>) = 0",
  );
  expect(events).toEqual(["open /db/log wx 1", "syncBegin 1 1", "write 1 0 late", "syncEnd 1"]);
});

test("a name that another thread changed while a directory was being synced is not synced with it", () => {
  const { events } = trace(
    OPEN,
    `openat(${HERE}, ${named("/real/store")}, O_RDONLY|O_DIRECTORY) = ${fd(9, "/real/store")}`,
    `fsync(${fd(9, "/real/store")} <unfinished ...>`,
    ...others(`rename(${named("/real/store/log")}, ${named("/real/store/old")}) = 0`),
    "<... fsync resumed>) = 0",
  );
  expect(events).toEqual(["open /db/log wx 1", "syncDirectory /db", "rename /db/log /db/old"]);
});

test("a descriptor that another thread got while it was being closed is the new file's", () => {
  const { events } = trace(
    OPEN,
    `close(${LOG} <unfinished ...>`,
    ...others(`openat(${HERE}, ${named("/real/store/next")}, O_RDWR|O_CREAT, 0644) = ${fd(5, "/real/store/next")}`),
    "<... close resumed>) = 0",
    `write(${fd(5, "/real/store/next")}, "${hex("abc")}", 3) = 3`,
  );
  expect(events).toEqual(["open /db/log wx 1", "close 1", "open /db/next wx 2", "write 2 0 abc"]);
});

test("what is written to standard output is the answers, line by line", () => {
  const { answers, events } = trace(
    `write(1<pipe:[1]>, "${hex('{"id":1}\n{"id"')}", 14) = 14`,
    `write(1<pipe:[1]>, "${hex(":2}\n")}", 4) = 4`,
  );
  expect(answers).toEqual(['{"id":1}', '{"id":2}']);
  expect(events).toEqual([]);
});

test("the answers are what goes into the pipe that was standard output, by whatever number", () => {
  const { answers } = trace(
    "dup(1<pipe:[1]>) = 3<pipe:[1]>",
    "dup2(2<pipe:[2]>, 1<pipe:[1]>) = 1<pipe:[2]>",
    `write(1<pipe:[2]>, "${hex("for people\n")}", 11) = 11`,
    `write(3<pipe:[1]>, "${hex('{"id":1}\n')}", 9) = 9`,
  );
  expect(answers).toEqual(['{"id":1}']);
});

test("what goes past the calls is said: shared mappings, whole-system syncs", () => {
  const { notCovered } = trace(
    OPEN,
    `mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, ${LOG}, 0) = 0x7f00`,
    "sync() = 0",
  );
  expect(notCovered).toEqual(["writes of log through a shared mapping", "sync() of whole file systems"]);
});

test("truncating and preallocating change sizes", () => {
  const { events } = trace(OPEN, `fallocate(${LOG}, 0, 0, 8192) = 0`, `ftruncate(${LOG}, 10) = 0`);
  expect(events.slice(1)).toEqual(["truncate 1 8192", "truncate 1 10"]);
});

test("a descriptor that is made to append later appends; pwritev2 appends, syncs, and writes where the descriptor stands", () => {
  const vector = (text: string): string => `[{iov_base="${hex(text)}", iov_len=${text.length}}], 1`;
  const { events } = trace(
    OPEN,
    `write(${LOG}, "${hex("abc")}", 3) = 3`,
    `lseek(${LOG}, 0, SEEK_SET) = 0`,
    `fcntl(${LOG}, F_SETFL, O_RDWR|O_APPEND) = 0`,
    `write(${LOG}, "${hex("d")}", 1) = 1`,
    `fcntl(${LOG}, F_SETFL, O_RDWR) = 0`,
    `lseek(${LOG}, 1, SEEK_SET) = 1`,
    `pwritev2(${LOG}, ${vector("e")}, -1, RWF_DSYNC) = 1`,
    `pwritev2(${LOG}, ${vector("f")}, 0, RWF_APPEND) = 1`,
    `pwritev2(${LOG}, ${vector("g")}, 0, 0) = 1`,
  );
  expect(events.slice(1)).toEqual([
    "write 1 0 abc",
    "write 1 3 d",
    "write 1 1 e",
    "sync 1",
    "write 1 4 f",
    "write 1 0 g",
  ]);
});

test("a directory that is renamed takes its files along", () => {
  const at = fd(6, "/real/store/new/log");
  const { events } = trace(
    `mkdir(${named("/real/store/tmp")}, 0755) = 0`,
    `openat(${HERE}, ${named("/real/store/tmp/log")}, O_RDWR|O_CREAT, 0644) = ${fd(5, "/real/store/tmp/log")}`,
    `write(${fd(5, "/real/store/tmp/log")}, "${hex("abc")}", 3) = 3`,
    `rename(${named("/real/store/tmp")}, ${named("/real/store/new")}) = 0`,
    `openat(${HERE}, ${named("/real/store/new/log")}, O_WRONLY|O_APPEND) = ${at}`,
    `write(${at}, "${hex("d")}", 1) = 1`,
    `openat(${HERE}, ${named("/real/store/new")}, O_RDONLY) = ${fd(9, "/real/store/new")}`,
    `fsync(${fd(9, "/real/store/new")}) = 0`,
  );
  expect(events.slice(3)).toEqual([
    "rename /db/tmp /db/new",
    "open /db/new/log rw 2",
    "write 2 3 d",
    "syncDirectory /db/new",
  ]);
});

test("names that change places, and links that are symbolic, are said not to be covered", () => {
  const { notCovered, events } = trace(
    OPEN,
    `renameat2(${HERE}, ${named("/real/store/log")}, ${HERE}, ${named("/real/store/two")}, RENAME_EXCHANGE) = 0`,
    `symlinkat(${named("log")}, ${HERE}, ${named("/real/store/link")}) = 0`,
    `symlink(${named("/real/store/log")}, ${named("/elsewhere/link")}) = 0`,
    `renameat2(${HERE}, ${named("/real/store/two")}, ${HERE}, ${named("/real/store/log")}, RENAME_NOREPLACE) = 0`,
  );
  expect(notCovered).toEqual(["renameat2 with RENAME_EXCHANGE", "symbolic links"]);
  expect(events.at(-1)).toBe("rename /db/two /db/log");
});

test("what is renamed into the store from outside, or out of it, is told, and the trace is not whole", () => {
  const into = trace(`rename(${named("/real/built")}, ${named("/real/store")}) = 0`, OPEN);
  expect([into.isWhole, into.events]).toEqual([false, ["open /db/log wx 1"]]);
  expect(into.notCovered.join()).toContain("rename of built to store");
  expect(trace(OPEN, `rename(${named("/real/store/log")}, ${named("/real/old")}) = 0`).isWhole).toBe(false);
  expect(trace(OPEN, `rename(${named("/real/store/log")}, ${named("/real/store/old")}) = 0`).isWhole).toBe(true);
});
