// Where the worker thread of stores on the real file system begins: NodeEnv.worker.

import { nodeEnv } from "../../util/node-env.ts";
import { serveBackground } from "./serve.ts";

serveBackground(nodeEnv);
