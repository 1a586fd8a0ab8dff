// One to four damages to the files of a store, by seed.

import type { Random } from "tinykv/harness";
import type { DirectoryImage } from "../directory-image.ts";
import type { SeededStore } from "./seeded-stores.ts";

export interface DamagedStore {
  readonly image: DirectoryImage;
  /** The files that were damaged, and how. */
  readonly done: readonly { readonly file: string; readonly kind: DamageKind }[];
}

export type DamageKind = (typeof KINDS)[number];

const KINDS = ["deleted", "cut", "zeroed", "flipped", "empty", "earlier", "exchanged", "other file"] as const;

export function seededDamage({ image, earlier }: SeededStore, random: Random): DamagedStore {
  const damaged = new Map(image);
  const done: { file: string; kind: DamageKind }[] = [];
  const namesOnly = random.chance(1, 6);
  for (let left = random.pick([1, 1, 1, 2, 3, 4]); left > 0; left--) {
    const files = [...damaged.keys()].filter((name) => name !== "LOCK" && !name.endsWith("/"));
    const file = random.pick(namesOnly ? files.filter((name) => /^(?:CURRENT|MANIFEST)/.test(name)) : files);
    if (file === undefined) break;
    const kind = namesOnly ? "deleted" : random.pick(KINDS);
    const others = kind === "earlier" ? earlier.map((one) => one.get(file)) : files.map((name) => image.get(name));
    const bytes = kind === "deleted" ? undefined : damagedBytes(damaged.get(file)!, kind, others, random);
    if (bytes === undefined) damaged.delete(file);
    else if (bytes.equals(damaged.get(file)!)) continue;
    else damaged.set(file, bytes);
    done.push({ file, kind });
  }
  return { image: damaged, done };
}

function damagedBytes(
  bytes: Buffer,
  kind: Exclude<DamageKind, "deleted">,
  others: readonly (Buffer | undefined)[],
  random: Random,
): Buffer {
  const changed = Buffer.from(bytes);
  switch (kind) {
    case "empty":
      return Buffer.alloc(0);
    case "cut":
      return changed.subarray(0, random.int(bytes.length + 1));
    case "zeroed": {
      const at = random.int(bytes.length + 1);
      return changed.fill(0, at, Math.min(bytes.length, at + 1 + random.int(512)));
    }
    case "flipped":
      for (let i = random.between(1, 4); i > 0 && bytes.length > 0; i--)
        changed[random.int(bytes.length)]! ^= 1 << random.int(8);
      return changed;
    case "exchanged": {
      const length = Math.floor(bytes.length / 4);
      const [a, b] = [random.int(bytes.length - length + 1), random.int(bytes.length - length + 1)];
      bytes.copy(changed, a, b, b + length);
      bytes.copy(changed, b, a, a + length);
      return changed;
    }
    default: {
      const present = others.flatMap((other) => (other && !other.equals(bytes) ? [other] : []));
      return present.length > 0 ? random.pick(present) : changed;
    }
  }
}
