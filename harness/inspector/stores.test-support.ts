// Real stores in memory, and their files as images.

import { open, type Database, type Options } from "tinykv";
import { MemoryEnv, type MemoryEnvOptions } from "tinykv/env";
import { ContentStore, makeImage, type FileContent, type Image } from "../disk/image.ts";

export const ROOT = "/d/store";

/** Small enough that a few hundred bytes reach every structure. */
export const SMALL: Options = {
  background: "manual",
  writeBufferSize: 4096,
  logBlockSize: 512,
  blockSize: 256,
  indexBlockSize: 128,
  targetFileSize: 4096,
  walRecycle: false,
};

export class MemoryStore {
  readonly env: MemoryEnv;

  constructor(options?: MemoryEnvOptions) {
    this.env = new MemoryEnv(options);
    this.env.makeDirectory("/d");
  }

  /** A store whose disk is that of an image. */
  static of(image: Image, options?: MemoryEnvOptions): MemoryStore {
    const store = new MemoryStore(options);
    for (const path of image.directories) if (path !== "/d") store.env.makeDirectory(path);
    for (const [path, { bytes }] of image.files) {
      const file = store.env.open(path, "wx");
      for (let at = 0; at < bytes.length;) at += file.write(bytes.subarray(at), at);
      file.close();
    }
    return store;
  }

  open(options: Options = SMALL): Database {
    return open(ROOT, { ...options, env: this.env });
  }

  /** One session. */
  session(act: (db: Database) => void, options: Options = SMALL): void {
    const db = this.open(options);
    act(db);
    db.close();
  }

  read(path: string): Uint8Array {
    const file = this.env.open(path, "r");
    const bytes = new Uint8Array(file.size());
    for (let at = 0; at < bytes.length;) at += file.read(bytes.subarray(at), at);
    file.close();
    return bytes;
  }

  names(): string[] {
    return this.env.readDirectory(ROOT).sort();
  }

  image(contents: ContentStore = new ContentStore()): Image {
    const files = new Map<string, FileContent>();
    const directories: string[] = [];
    const walk = (directory: string): void => {
      directories.push(directory);
      for (const name of this.env.readDirectory(directory)) {
        const path = `${directory}/${name}`;
        if (this.env.stat(path).kind === "directory") walk(path);
        else files.set(path, contents.of(this.read(path)));
      }
    };
    walk("/d");
    return makeImage(files, directories);
  }
}

/** The image with some files of the store replaced, or taken away. */
export function changed(image: Image, changes: Readonly<Record<string, Uint8Array | undefined>>): Image {
  const contents = new ContentStore();
  const files = new Map([...image.files].map(([path, { bytes }]) => [path, contents.of(bytes)]));
  for (const [name, bytes] of Object.entries(changes)) {
    if (bytes) files.set(`${ROOT}/${name}`, contents.of(bytes));
    else files.delete(`${ROOT}/${name}`);
  }
  return makeImage(files, image.directories);
}

export function bytesOf(image: Image, name: string): Uint8Array {
  return image.files.get(`${ROOT}/${name}`)!.bytes;
}

/** The names in the store's directory that end, or begin, so. */
export function namesWith(image: Image, part: string): string[] {
  return [...image.files.keys()].map((path) => path.slice(ROOT.length + 1)).filter((name) => name.includes(part));
}

/** With one bit changed. */
export function flipped(bytes: Uint8Array, offset: number, bit = 0): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[offset]! ^= 1 << bit;
  return copy;
}

/** A little of everything: several tables on two levels, deletes, records over many blocks, a log. */
export function busySession(db: Database): void {
  for (let i = 0; i < 60; i++) db.put(`key${i % 40}`, `value ${i} `.repeat(1 + (i % 7) * 4));
  db.flush();
  for (let i = 0; i < 30; i++) db.delete(`key${i}`);
  db.compactRange();
  for (let i = 0; i < 20; i++) db.put(`key${i * 2}`, "new ".repeat(60));
  db.flush();
  db.put("last", "x".repeat(1500));
}
