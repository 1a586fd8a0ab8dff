// LOCK: one writer for each store, and a lock that dies with its holder.
//
// Node has no flock. On Linux the lock is a listening abstract socket named after the LOCK file itself,
//
//   "\0tinykv:<device>:<inode of LOCK>", filled up with zeros to 108 bytes
//
// which the kernel gives to one socket at a time and takes back the moment the holder dies, SIGKILL included; a second
// opener in the same process or in one of its worker threads is refused like any other. 108 bytes is the whole of
// sun_path: Node 20 fills a shorter name up with zeros and Node 22 does not, and those would be two different locks.
// What LOCK contains (pid, start time, boot id, host) only serves the message of a refusal; the holder alone writes it.
// The names of abstract sockets belong to a network namespace: containers that share a volume, but not the network, do
// not see each other's lock.
//
// Elsewhere the lock is the existence of LOCK with that content (wx), and it is stale when the pid is dead or belongs to
// a process that started at another time. That is weaker: two openers that find the same stale lock at the same moment
// may both take it, and the content of another host cannot be judged, so it is believed.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  unlinkSync,
  writeSync,
  type BigIntStats,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { errnoOf } from "../common/errors.ts";
import type { Lock } from "./env.ts";
import {
  decodeHolder,
  describeHolder,
  encodeHolder,
  isAlive,
  isOfAnotherHost,
  thisProcess,
  type Holder,
} from "./lock-holder.ts";
import { lockedError } from "./locked-error.ts";
import { systemError } from "./system-error.ts";

/** "socket" for Linux, "content" elsewhere; both work on Linux, for tests. */
export type LockStrategy = "socket" | "content";

/** sizeof(sockaddr_un.sun_path) on Linux. */
const SOCKET_NAME_BYTES = 108;
/** A new LOCK is empty for the microseconds until its holder has written into it; a loaded machine makes them long. */
const PATIENCE_MILLISECONDS = 100;
/** Each attempt lost means that another process took, gave back or removed the same lock meanwhile. */
const ATTEMPTS_MAX = 100;
const PAUSE_MILLISECONDS = 5;
/** A holder takes less than 300; what is longer is none, however long it is. */
const HOLDER_BYTES_MOST = 4096;

const NO_FOLLOW = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Takes the lock `path`, creating the file if it is missing, or throws TinyKVError LOCKED naming the holder's pid where
 * that is known. Does not wait for the holder. System errors are thrown as node:fs throws them.
 */
export function lockFile(
  path: string,
  strategy: LockStrategy = process.platform === "linux" ? "socket" : "content",
): Lock {
  const attempt = strategy === "socket" ? lockBySocket : lockByContent;
  for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
    const lock = attempt(path);
    if (lock !== undefined) return lock;
  }
  throw systemError("EAGAIN", "lock", path);
}

/** undefined: the world moved on meanwhile, try again. */
function lockBySocket(path: string): Lock | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | NO_FOLLOW);
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw systemError("EINVAL", "lock", path);
    const name = `\0tinykv:${stats.dev}:${stats.ino}`.padEnd(SOCKET_NAME_BYTES, "\0");
    const server = listen(name);
    if (!server.listening) {
      if (isBound(name)) throw lockedError(path, livingHolder(path));
      pause(); // given back in this moment; or the system has no socket left, which is the EAGAIN at last
      return undefined;
    }
    return keepSocket(path, server, fd, stats);
  } finally {
    closeSync(fd);
  }
}

function keepSocket(path: string, server: Server, fd: number, stats: BigIntStats): Lock | undefined {
  let kept = false;
  try {
    // LOCK may have been removed, by destroy(), between its open and now: then the socket guards nothing.
    if (!stillNames(path, stats)) return undefined;
    writeHolder(fd);
    kept = true;
  } finally {
    if (!kept) server.close();
  }
  return { release: () => void server.close() };
}

// The bind happens inside listen(), but that the name is taken is told by an event on a later tick: `listening` is the
// answer, and the event must not escape from a refusal that was reported long ago.
function listen(name: string): Server {
  const server = createServer((connection) => connection.destroy());
  server.on("error", () => undefined);
  server.listen({ path: name, exclusive: true });
  server.unref();
  return server;
}

function isBound(name: string): boolean {
  try {
    return readFileSync("/proc/net/unix", "latin1").includes(name.replaceAll("\0", "@"));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true; // no /proc to ask: a name that cannot be bound is taken
    throw error;
  }
}

// What a refused opener can say of the holder. LOCK may still be empty, or name an earlier holder.
function livingHolder(path: string): string | undefined {
  for (let waited = 0; waited <= PATIENCE_MILLISECONDS; waited += PAUSE_MILLISECONDS) {
    const holder = decodeHolder(readLock(path) ?? "");
    if (holder !== undefined && !isOfAnotherHost(holder) && isAlive(holder)) return describeHolder(holder);
    pause();
  }
  return undefined;
}

function lockByContent(path: string): Lock | undefined {
  const fd = openUnlessThere(path);
  if (fd === undefined) {
    removeIfStale(path);
    return undefined;
  }
  try {
    const stats = fstatSync(fd, { bigint: true });
    writeHolder(fd);
    return { release: once(() => stillNames(path, stats) && unlinkIfThere(path)) };
  } catch (error) {
    unlinkIfThere(path);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function openUnlessThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return undefined;
    throw error;
  }
}

// Throws LOCKED if it is not stale. An inode is given anew at once, so its change time must be the same too.
function removeIfStale(path: string): void {
  const before = lstatIfThere(path);
  if (before === undefined) return;
  if (!before.isFile()) throw systemError("EINVAL", "lock", path);
  demandStale(path);
  const now = lstatIfThere(path);
  if (now?.ino === before.ino && now.ctimeNs === before.ctimeNs) unlinkIfThere(path);
}

// Content that is not a holder's is what a power loss left of it, unless its holder is writing it just now.
function demandStale(path: string): void {
  let holder: Holder | undefined;
  for (let waited = 0; waited <= PATIENCE_MILLISECONDS; waited += PAUSE_MILLISECONDS) {
    const text = readLock(path);
    if (text === undefined) return;
    holder = decodeHolder(text);
    if (holder !== undefined) break;
    pause();
  }
  if (holder === undefined || (!isOfAnotherHost(holder) && !isAlive(holder))) return;
  throw lockedError(path, describeHolder(holder));
}

function writeHolder(fd: number): void {
  ftruncateSync(fd, 0);
  writeSync(fd, encodeHolder(thisProcess()), 0);
}

function readLock(path: string): string | undefined {
  const fd = unlessMissing(() => openSync(path, constants.O_RDONLY | NO_FOLLOW));
  if (fd === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(HOLDER_BYTES_MOST);
    return bytes.toString("utf8", 0, readSync(fd, bytes));
  } finally {
    closeSync(fd);
  }
}

function stillNames(path: string, stats: BigIntStats): boolean {
  const now = lstatIfThere(path);
  return now !== undefined && now.ino === stats.ino && now.dev === stats.dev;
}

function lstatIfThere(path: string): BigIntStats | undefined {
  return unlessMissing(() => lstatSync(path, { bigint: true }));
}

function unlinkIfThere(path: string): void {
  unlessMissing(() => unlinkSync(path));
}

function unlessMissing<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function once(action: () => unknown): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MILLISECONDS);
}
