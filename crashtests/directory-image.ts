// What a directory holds, as a value: taken before and after, compared, written elsewhere.

import { nodeEnv, type Env } from "tinykv/env";

/** The files of one directory by name; directories inside it are named with a slash and hold nothing. */
export type DirectoryImage = ReadonlyMap<string, Buffer>;

export function readImage(env: Env, path: string): DirectoryImage {
  const image = new Map<string, Buffer>();
  for (const name of env.readDirectory(path).sort()) {
    const file = `${path}/${name}`;
    if (env.stat(file).kind === "directory") image.set(`${name}/`, Buffer.alloc(0));
    else image.set(name, readWhole(env, file));
  }
  return image;
}

/** Makes the directory `path` with these files. */
export function writeImage(env: Env, path: string, image: DirectoryImage): void {
  env.makeDirectory(path);
  for (const [name, bytes] of image) {
    if (name.endsWith("/")) env.makeDirectory(`${path}/${name.slice(0, -1)}`);
    else writeNew(env, `${path}/${name}`, bytes);
  }
}

/** The names of files that differ, are gone or are new. LOCK's content belongs to whoever held it. */
export function differences(before: DirectoryImage, after: DirectoryImage): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  names.delete("LOCK");
  return [...names].filter((name) => {
    const [a, b] = [before.get(name), after.get(name)];
    return a === undefined || b === undefined || !a.equals(b);
  });
}

/** The image with one file replaced, or, for undefined, without it. */
export function withFile(image: DirectoryImage, name: string, bytes: Buffer | undefined): DirectoryImage {
  const changed = new Map(image);
  if (bytes === undefined) changed.delete(name);
  else changed.set(name, bytes);
  return changed;
}

/** An image of a real directory. */
export function imageOf(path: string): DirectoryImage {
  return readImage(nodeEnv, path);
}

function readWhole(env: Env, path: string): Buffer {
  const file = env.open(path, "r");
  try {
    const bytes = Buffer.alloc(file.size());
    for (let done = 0; done < bytes.length;) {
      const count = file.read(bytes.subarray(done), done);
      if (count === 0) throw new Error(`${path} ended at ${done} of ${bytes.length}`);
      done += count;
    }
    return bytes;
  } finally {
    file.close();
  }
}

function writeNew(env: Env, path: string, bytes: Buffer): void {
  const file = env.open(path, "wx");
  try {
    for (let done = 0; done < bytes.length;) done += file.write(bytes.subarray(done), done);
  } finally {
    file.close();
  }
}
