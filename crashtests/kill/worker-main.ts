// The worker thread of a child that is killed: its calls of Env are counted apart from those of the child's own thread.

import { getEnvironmentData } from "node:worker_threads";
import { NodeEnv, serveBackground } from "tinykv/env";
import { KillEnv, WORKER_POINT, type KillPoint } from "./kill-env.ts";

const env = new KillEnv(new NodeEnv());
env.arm(getEnvironmentData(WORKER_POINT) as KillPoint | undefined);
serveBackground(env);
