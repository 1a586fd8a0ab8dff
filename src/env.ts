/**
 * `tinykv/env`: the door to the world, its implementations, the suite that tests one of your own, and what the module
 * that its `worker` names has to call.
 */

export { serveBackground } from "./lsm/thread/serve.ts";

export { BARRIERS } from "./util/env.ts";
export type { Barrier, Env, FileHandle, FileStat, Lock, OpenMode } from "./util/env.ts";
export { envContract } from "./util/env-contract.ts";
export type { ContractCase } from "./util/env-contract.ts";
export { MemoryEnv } from "./util/memory-env.ts";
export type { MemoryEnvOptions } from "./util/memory-env.ts";
export { NodeEnv, nodeEnv } from "./util/node-env.ts";
