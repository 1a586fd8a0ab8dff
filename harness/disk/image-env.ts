import { posix } from "node:path";
import { TinyKVError } from "tinykv";
import type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "tinykv/env";
import { errnoError } from "./errno-error.ts";
import { ImageDirectory, ImageFile, ImageFileHandle } from "./image-file.ts";
import { makeImage, type ContentStore, type FileContent, type Image } from "./image.ts";

/** Where the clock starts unless told: a round number, so that whoever prints it sees that it is not the real time. */
const NOW_DEFAULT = 1_700_000_000_000;

export interface ImageEnvOptions {
  /** Of randomBytes; the same seed gives the same bytes. Default 1. */
  readonly seed?: number;
  /** Where the clock starts, in milliseconds since 1970. */
  readonly now?: number;
  /** Reads and writes move about half of what they are asked to. */
  readonly shortCounts?: boolean;
}

type Node = ImageFile | ImageDirectory | undefined;

interface Place {
  readonly directory: ImageDirectory;
  readonly name: string;
  readonly node: Node;
}

/**
 * A POSIX file system in memory, for one thread, that starts as an image: what a machine finds when it is switched on
 * again. A campaign makes thousands of them a second, so the image is not copied; a file is, at its first write.
 *
 * Each name of the image is a file of its own: an image does not say which of them were links. Nothing depends on the
 * world: the clock is a counter, chance is seeded. Paths are absolute or relative to "/".
 *
 * Invariant: #directories has every directory by its path.
 */
export class ImageEnv implements Env {
  readonly #root = new ImageDirectory(1, "");
  readonly #directories = new Map<string, ImageDirectory>([["", this.#root]]);
  readonly #shortCounts: boolean;
  readonly #locked = new Set<number>();
  #lastInode = 1;
  #now: number;
  #random: number;

  constructor(image?: Image, { seed = 1, now = NOW_DEFAULT, shortCounts = false }: ImageEnvOptions = {}) {
    this.#random = seed | 0;
    this.#now = now;
    this.#shortCounts = shortCounts;
    if (image) this.#mount(image);
  }

  /** What is there now; open files without a name are left out, "/" is listed. */
  capture(contents: ContentStore): Image {
    const files: [string, FileContent][] = [];
    const directories: string[] = [];
    for (const directory of this.#directories.values()) {
      directories.push(directory === this.#root ? "/" : directory.path);
      for (const [name, node] of directory.names) {
        if (node.kind === "file") files.push([`${directory.path}/${name}`, node.content(contents)]);
      }
    }
    return makeImage(files, directories);
  }

  /** What a file holds now, by no call of the recorded world: not to be changed. Undefined if there is no such file. */
  contentsOf(path: string): Uint8Array | undefined {
    const { node } = this.#find(path, "read");
    return node?.kind === "file" ? node.bytes() : undefined;
  }

  /** Puts `bytes`, which are kept, in place of what a file holds; open descriptors see it. */
  overwrite(path: string, bytes: Uint8Array): void {
    demandFile(this.#find(path, "write").node, "write", path).replace(bytes);
  }

  open(path: string, mode: OpenMode): FileHandle {
    const place = this.#find(path, "open");
    if (mode === "wx") {
      if (place.node !== undefined) throw errnoError("EEXIST", "open", path);
      return new ImageFileHandle(this.#createFile(place), mode, this.#shortCounts);
    }
    return new ImageFileHandle(demandFile(place.node, "open", path), mode, this.#shortCounts);
  }

  readDirectory(path: string): string[] {
    return [...demandDirectory(this.#find(path, "scandir").node, "scandir", path).names.keys()];
  }

  makeDirectory(path: string): void {
    const { directory, name, node } = this.#find(path, "mkdir");
    if (node !== undefined) throw errnoError("EEXIST", "mkdir", path);
    this.#createDirectory(directory, name);
  }

  removeDirectory(path: string): void {
    const { directory, name, node } = this.#find(path, "rmdir");
    const removed = demandDirectory(node, "rmdir", path);
    if (removed === this.#root) throw errnoError("EBUSY", "rmdir", path);
    if (removed.names.size > 0) throw errnoError("ENOTEMPTY", "rmdir", path);
    directory.names.delete(name);
    this.#directories.delete(removed.path);
  }

  stat(path: string): FileStat {
    const { node } = this.#find(path, "lstat");
    if (node === undefined) throw errnoError("ENOENT", "lstat", path);
    return { size: node.kind === "file" ? node.size : 0, inode: node.inode, kind: node.kind };
  }

  rename(from: string, to: string): void {
    const source = this.#find(from, "rename");
    const target = this.#find(to, "rename");
    if (source.node === undefined) throw errnoError("ENOENT", "rename", from, to);
    if (source.node === target.node) return; // two names of one file: POSIX keeps both
    demandReplaceable(source.node, target.node, to);
    const path = `${target.directory.path}/${target.name}`;
    if (source.node.kind === "directory") {
      if (path.startsWith(`${source.node.path}/`)) throw errnoError("EINVAL", "rename", from, to);
      this.#moveDirectory(source.node, path);
    }
    source.directory.names.delete(source.name);
    target.directory.names.set(target.name, source.node);
  }

  link(from: string, to: string): void {
    const { node } = this.#find(from, "link");
    const target = this.#find(to, "link");
    if (node === undefined) throw errnoError("ENOENT", "link", from, to);
    if (node.kind === "directory") throw errnoError("EPERM", "link", from, to);
    if (target.node !== undefined) throw errnoError("EEXIST", "link", from, to);
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
    if (this.#locked.has(inode)) {
      throw new TinyKVError("TINYKV_LOCKED", `${path} is held by process ${process.pid}, this one`);
    }
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

  #mount(image: Image): void {
    for (const path of image.directories) {
      if (path !== "/") this.#createDirectory(this.#parentIn(path), path.slice(path.lastIndexOf("/") + 1));
    }
    for (const [path, content] of image.files) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      this.#parentIn(path).names.set(name, new ImageFile(++this.#lastInode, content));
    }
  }

  #parentIn(path: string): ImageDirectory {
    const parent = this.#directories.get(path.slice(0, path.lastIndexOf("/")));
    if (!parent) throw new Error(`the image has ${path}, but not the directory around it`);
    return parent;
  }

  #createDirectory(directory: ImageDirectory, name: string): void {
    const created = new ImageDirectory(++this.#lastInode, `${directory.path}/${name}`);
    directory.names.set(name, created);
    this.#directories.set(created.path, created);
  }

  #createFile(place: Place): ImageFile {
    const file = new ImageFile(++this.#lastInode);
    place.directory.names.set(place.name, file);
    return file;
  }

  // With all that is in it. An empty directory at `to` is forgotten.
  #moveDirectory(moved: ImageDirectory, to: string): void {
    const from = moved.path;
    const inside = [...this.#directories.values()].filter(({ path }) => path === from || path.startsWith(`${from}/`));
    for (const directory of inside) {
      this.#directories.delete(directory.path);
      directory.path = to + directory.path.slice(from.length);
      this.#directories.set(directory.path, directory);
    }
  }

  // A path whose directory is known by that very spelling needs no parsing, unless its last word means something else.
  #find(path: string, call: string): Place {
    const slash = path.lastIndexOf("/");
    if (slash >= 0) {
      const directory = this.#directories.get(path.slice(0, slash));
      const name = path.slice(slash + 1);
      if (directory && name !== "" && name !== "." && name !== "..") {
        return { directory, name, node: directory.names.get(name) };
      }
    }
    return this.#findSlowly(path, call);
  }

  #findSlowly(path: string, call: string): Place {
    const names = posix.resolve("/", path).split("/").slice(1);
    const name = names.pop() ?? "";
    if (name === "") return { directory: this.#root, name, node: this.#root };
    let directory = this.#root;
    for (const step of names) directory = demandDirectory(directory.names.get(step), call, path);
    return { directory, name, node: directory.names.get(name) };
  }
}

function demandFile(node: Node, call: string, path: string): ImageFile {
  if (node === undefined) throw errnoError("ENOENT", call, path);
  if (node.kind === "directory") throw errnoError("EISDIR", call, path);
  return node;
}

function demandDirectory(node: Node, call: string, path: string): ImageDirectory {
  if (node === undefined) throw errnoError("ENOENT", call, path);
  if (node.kind === "file") throw errnoError("ENOTDIR", call, path);
  return node;
}

function demandReplaceable(source: ImageFile | ImageDirectory, target: Node, to: string): void {
  if (target === undefined) return;
  if (source.kind === "file") demandFile(target, "rename", to);
  else if (demandDirectory(target, "rename", to).names.size > 0) throw errnoError("ENOTEMPTY", "rename", to);
}
