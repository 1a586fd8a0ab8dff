import type { Env } from "tinykv/env";
import type { Random } from "tinykv/harness";

const ZEROED_MAX = 64;

/** Damages one file of a store, LOCK excepted; says how. */
export function damaged(env: Env, directory: string, random: Random): string {
  const names = env
    .readDirectory(directory)
    .filter((name) => name !== "LOCK" && name !== "lost")
    .sort();
  const name = random.pick(names);
  const path = `${directory}/${name}`;
  const { size } = env.stat(path);
  const at = random.int(Math.max(1, size));
  const file = env.open(path, "rw");
  try {
    switch (random.int(size === 0 ? 1 : 4)) {
      case 0:
        file.truncate(at);
        return `${name} cut to ${at}`;
      case 1: {
        const length = Math.min(size - at, 1 + random.int(ZEROED_MAX));
        file.write(Buffer.alloc(length), at);
        return `${name} zeroed from ${at} to ${at + length}`;
      }
      default: {
        const byte = Buffer.alloc(1);
        file.read(byte, at);
        const bit = random.int(8);
        file.write(Buffer.from([byte[0]! ^ (1 << bit)]), at);
        return `${name} flipped bit ${bit} at ${at}`;
      }
    }
  } finally {
    file.close();
  }
}
