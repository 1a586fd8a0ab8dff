import { runTask } from "./run-task.ts";
import type { Task } from "./tasks.ts";
import { serveTask } from "./worker-host.ts";

await serveTask((task, host) => runTask(task as Task, host));
