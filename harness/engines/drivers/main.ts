// `main.js ENGINE DIRECTORY…`: serves one of the engines of Node on standard input and output. It is looked for in the
// directories, as npm would from there.

import { loadPeer, PEERS, type LoadedPeer, type PeerName } from "../peers.ts";
import { betterSqlite3 } from "./better-sqlite3.ts";
import { classicLevel } from "./classic-level.ts";
import { lmdb } from "./lmdb.ts";
import { rocksdbNative } from "./rocksdb-native.ts";
import { serveDriver, type DrivenEngine } from "./serve.ts";

const ENGINES: Readonly<Record<PeerName, (peer: LoadedPeer) => DrivenEngine>> = {
  "classic-level": classicLevel,
  lmdb,
  "rocksdb-native": rocksdbNative,
  "better-sqlite3": betterSqlite3,
};

const [name, ...directories] = process.argv.slice(2);
const known = PEERS.find((peer) => peer === name);
if (!known) throw new Error(`unknown engine ${String(name)}; there are ${PEERS.join(", ")}`);
const peer = loadPeer(known, directories);
if (!peer) throw new Error(`${known} is not installed in ${directories.join(", ")}`);
await serveDriver(ENGINES[known](peer));
