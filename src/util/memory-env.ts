import { posix } from "node:path";
import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "./env.ts";
import { lockedError } from "./locked-error.ts";
import { MemoryDirectory, MemoryFile, MemoryFileHandle } from "./memory-file.ts";
import { systemError } from "./system-error.ts";

/** Where the clock starts unless told: a round number, so that whoever prints it sees that it is not the real time. */
const NOW_DEFAULT = 1_700_000_000_000;

export interface MemoryEnvOptions {
  /** Of randomBytes; the same seed gives the same bytes. Default 1. */
  readonly seed?: number;
  /** Where the clock starts, in milliseconds since 1970. */
  readonly now?: number;
  /** Reads and writes move about half of what they are asked to, for tests of the loops around them. */
  readonly shortCounts?: boolean;
}

interface Place {
  readonly directory: MemoryDirectory;
  readonly name: string;
  readonly node: MemoryFile | MemoryDirectory | undefined;
}

/**
 * A file system in memory with the semantics of POSIX, for one thread. Nothing depends on the world: the clock is a
 * counter, chance is seeded, so the same calls give the same results.
 *
 * Paths are absolute or relative to "/"; "/" is the only directory at the start; there are no symbolic links.
 */
export class MemoryEnv implements Env {
  readonly #root = new MemoryDirectory(1);
  readonly #shortCounts: boolean;
  readonly #locked = new Set<number>();
  #lastInode = 1;
  #now: number;
  #random: number;

  constructor({ seed = 1, now = NOW_DEFAULT, shortCounts = false }: MemoryEnvOptions = {}) {
    this.#random = seed | 0;
    this.#now = now;
    this.#shortCounts = shortCounts;
  }

  open(path: string, mode: OpenMode): FileHandle {
    const place = this.#find(path, "open");
    if (mode === "wx") {
      if (place.node !== undefined) throw systemError("EEXIST", "open", path);
      return new MemoryFileHandle(this.#createFile(place), mode, this.#shortCounts);
    }
    return new MemoryFileHandle(demandFile(place.node, "open", path), mode, this.#shortCounts);
  }

  readDirectory(path: string): string[] {
    return [...demandDirectory(this.#find(path, "scandir").node, "scandir", path).names.keys()];
  }

  makeDirectory(path: string): void {
    const { directory, name, node } = this.#find(path, "mkdir");
    if (node !== undefined) throw systemError("EEXIST", "mkdir", path);
    directory.names.set(name, new MemoryDirectory(++this.#lastInode));
  }

  removeDirectory(path: string): void {
    const { directory, name, node } = this.#find(path, "rmdir");
    const removed = demandDirectory(node, "rmdir", path);
    if (removed === this.#root) throw systemError("EBUSY", "rmdir", path);
    if (removed.names.size > 0) throw systemError("ENOTEMPTY", "rmdir", path);
    directory.names.delete(name);
  }

  stat(path: string): FileStat {
    const { node } = this.#find(path, "lstat");
    if (node === undefined) throw systemError("ENOENT", "lstat", path);
    return { size: node.kind === "file" ? node.size : 0, inode: node.inode, kind: node.kind };
  }

  rename(from: string, to: string): void {
    const source = this.#find(from, "rename");
    const target = this.#find(to, "rename");
    if (source.node === undefined) throw systemError("ENOENT", "rename", from);
    if (source.node === target.node) return; // two names of one file: POSIX keeps both
    demandReplaceable(source.node, target.node, to);
    if (isInside(to, from)) throw systemError("EINVAL", "rename", to);
    source.directory.names.delete(source.name);
    target.directory.names.set(target.name, source.node);
  }

  link(from: string, to: string): void {
    const { node } = this.#find(from, "link");
    const target = this.#find(to, "link");
    if (node === undefined) throw systemError("ENOENT", "link", from);
    if (node.kind === "directory") throw systemError("EPERM", "link", from);
    if (target.node !== undefined) throw systemError("EEXIST", "link", to);
    target.directory.names.set(target.name, node);
  }

  unlink(path: string): void {
    const { directory, name, node } = this.#find(path, "unlink");
    demandFile(node, "unlink", path);
    directory.names.delete(name);
  }

  syncDirectory(path: string, _barrier: Barrier): void {
    demandDirectory(this.#find(path, "fsync").node, "fsync", path);
  }

  lock(path: string): Lock {
    const place = this.#find(path, "lock");
    const { inode } = place.node === undefined ? this.#createFile(place) : demandFile(place.node, "lock", path);
    if (this.#locked.has(inode)) throw lockedError(path, `process ${process.pid}, this one`);
    this.#locked.add(inode);
    let held = true;
    return {
      release: () => {
        if (held) this.#locked.delete(inode);
        held = false;
      },
    };
  }

  /** The clock, which then moves on by a millisecond: no two calls see the same time. */
  now(): number {
    return this.#now++;
  }

  setNow(milliseconds: number): void {
    this.#now = milliseconds;
  }

  /** Moves the clock; takes no time. */
  sleep(milliseconds: number): void {
    this.#now += Math.ceil(milliseconds);
  }

  randomBytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.#nextRandom() >>> 24;
    return bytes;
  }

  // splitmix32: every seed, 0 included, gives a sequence of its own.
  #nextRandom(): number {
    this.#random = (this.#random + 0x9e3779b9) | 0;
    let x = this.#random;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  }

  #createFile(place: Place): MemoryFile {
    const file = new MemoryFile(++this.#lastInode);
    place.directory.names.set(place.name, file);
    return file;
  }

  #find(path: string, call: string): Place {
    const names = posix.resolve("/", path).split("/").slice(1);
    const name = names.pop() ?? "";
    if (name === "") return { directory: this.#root, name, node: this.#root };
    let directory = this.#root;
    for (const step of names) directory = demandDirectory(directory.names.get(step), call, path);
    return { directory, name, node: directory.names.get(name) };
  }
}

type Node = MemoryFile | MemoryDirectory | undefined;

function demandFile(node: Node, call: string, path: string): MemoryFile {
  if (node === undefined) throw systemError("ENOENT", call, path);
  if (node.kind === "directory") throw systemError("EISDIR", call, path);
  return node;
}

function demandDirectory(node: Node, call: string, path: string): MemoryDirectory {
  if (node === undefined) throw systemError("ENOENT", call, path);
  if (node.kind === "file") throw systemError("ENOTDIR", call, path);
  return node;
}

function demandReplaceable(source: MemoryFile | MemoryDirectory, target: Node, to: string): void {
  if (target === undefined) return;
  if (source.kind === "file") demandFile(target, "rename", to);
  else if (demandDirectory(target, "rename", to).names.size > 0) throw systemError("ENOTEMPTY", "rename", to);
}

function isInside(path: string, directory: string): boolean {
  const around = posix.resolve("/", directory);
  return posix.resolve("/", path).startsWith(around === "/" ? around : `${around}/`);
}
