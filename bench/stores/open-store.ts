import { mkdirSync } from "node:fs";
import { loadPeer, PEERS, type LoadedPeer, type PeerName } from "tinykv/harness";
import { ownVersion, peerDirectories } from "../repository.ts";
import { BetterSqlite3Store } from "./better-sqlite3.ts";
import { ClassicLevelStore } from "./classic-level.ts";
import { LmdbStore } from "./lmdb.ts";
import { RocksDbNativeStore } from "./rocksdb-native.ts";
import type { BenchStore, StoreSettings } from "./store.ts";
import { TinyKVStore } from "./tinykv.ts";

export const OURS = "tinykv";
/** Engines that run inside Node. */
export const ENGINES: readonly EngineName[] = [OURS, ...PEERS];
export type EngineName = typeof OURS | PeerName;

/** Creates the directory and the store where they are missing. Throws where the engine is not installed. */
export async function openStore(engine: EngineName, settings: StoreSettings): Promise<BenchStore> {
  mkdirSync(settings.directory, { recursive: true });
  if (engine === OURS) return new TinyKVStore(settings, ownVersion());
  const peer = loadPeer(engine, peerDirectories());
  if (!peer) throw new Error(`${engine} is not installed`);
  return openPeer(peer, settings);
}

async function openPeer(peer: LoadedPeer, settings: StoreSettings): Promise<BenchStore> {
  switch (peer.name) {
    case "classic-level":
      return ClassicLevelStore.open(peer, settings);
    case "lmdb":
      return LmdbStore.open(peer, settings);
    case "rocksdb-native":
      return RocksDbNativeStore.open(peer, settings);
    default:
      return new BetterSqlite3Store(peer, settings);
  }
}
