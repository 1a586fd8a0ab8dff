// Other people's engines: what they are called, where they are looked for, and what their writes survive. None is a
// dependency of the package: where one is not installed, what would compare with it says so and goes on.

import { createRequire } from "node:module";
import { join } from "node:path";

export const PEERS = ["classic-level", "lmdb", "rocksdb-native", "better-sqlite3"] as const;
export type PeerName = (typeof PEERS)[number];

/** What a returned (or resolved) write survives, by the way that it was asked for. */
export interface PeerDurability {
  readonly sync: string;
  readonly noSync: string;
}

export const PEER_DURABILITY: Record<PeerName, PeerDurability> = {
  "classic-level": {
    sync: "power loss: put with sync: true, one fdatasync",
    noSync: "a kill: the record has been handed to the kernel; power loss takes a suffix",
  },
  lmdb: {
    sync: "power loss: the commit is synced before its promise resolves (overlappingSync: false)",
    noSync: "a kill: pages are written, never synced (noSync: true); power loss may leave a broken file",
  },
  "rocksdb-native": {
    sync: "not offered: the binding has no synced write",
    noSync: "a kill: the record has been handed to the kernel; power loss takes a suffix",
  },
  "better-sqlite3": {
    sync: "power loss: journal_mode = WAL, synchronous = FULL",
    noSync: "a kill: journal_mode = WAL, synchronous = OFF; power loss may leave a broken file",
  },
};

export interface LoadedPeer {
  readonly name: PeerName;
  readonly version: string;
  /** What the package exports; its users know its shape. */
  readonly exports: unknown;
}

/** The first that is installed in (or above) one of these directories; undefined if none is. Throws what loading it throws. */
export function loadPeer(name: PeerName, directories: readonly string[]): LoadedPeer | undefined {
  for (const directory of directories) {
    const load = createRequire(join(directory, "package.json"));
    const manifest = manifestOf(name, load);
    if (manifest) return { name, version: manifest.version, exports: load(name) };
  }
  return undefined;
}

/** The version that would be loaded, without loading it. */
export function peerVersion(name: PeerName, directories: readonly string[]): string | undefined {
  for (const directory of directories) {
    const manifest = manifestOf(name, createRequire(join(directory, "package.json")));
    if (manifest) return manifest.version;
  }
  return undefined;
}

// A package may not export its package.json, so it is looked for where Node would look.
function manifestOf(name: PeerName, load: NodeJS.Require): { readonly version: string } | undefined {
  for (const folder of load.resolve.paths(name) ?? []) {
    try {
      return load(join(folder, name, "package.json")) as { version: string };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return undefined;
}
