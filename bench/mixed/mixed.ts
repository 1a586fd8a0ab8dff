import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { runTask } from "../measure/child.ts";
import { UsageError, type BenchOptions } from "../options.ts";
import { Progress } from "../progress.ts";
import { repositoryRoot } from "../repository.ts";
import { ENGINES, OURS, type EngineName } from "../stores/open-store.ts";
import type { MixedMessage } from "./child-main.ts";
import type { MixedReport } from "./mixed-report.ts";
import type { MixedTask } from "./mixed-run.ts";

const CHILD_FILE = fileURLToPath(new URL("dist/bench/mixed/child-main.js", `file://${repositoryRoot()}/`));

/** Fills a store in one process and runs on it in another. */
export async function mixed(options: BenchOptions, directory: string): Promise<MixedReport> {
  const { minutes, seed } = options;
  const engine = engineOf(options);
  const [keys, valueBytes] = [only("--keys", options.keys), only("--value-size", options.valueBytes)];
  const store = join(directory, engine);
  mkdirSync(store);
  const subject = { engine, directory: store, keys, valueBytes, seed, options: options.options };
  const progress = new Progress(minutes * 60);
  try {
    progress.update(0, `filling ${keys} keys`);
    const start = performance.now();
    await runTask({ ...subject, kind: "prepare", start: "filled" });
    const fillSeconds = (performance.now() - start) / 1000;
    return { ...(await runChild({ ...subject, minutes }, progress)), fillSeconds };
  } finally {
    progress.end();
  }
}

function engineOf({ engines }: BenchOptions): EngineName {
  const name = engines?.[0] ?? OURS;
  const found = ENGINES.find((engine) => engine === name);
  if (!found || (engines?.length ?? 1) > 1) throw new UsageError(`--mixed takes one engine: ${ENGINES.join(", ")}`);
  return found;
}

function only(name: string, values: readonly number[]): number {
  if (values.length !== 1) throw new UsageError(`--mixed takes one number as ${name}`);
  return values[0]!;
}

async function runChild(task: MixedTask, progress: Progress): Promise<Omit<MixedReport, "fillSeconds">> {
  const child = execa(process.execPath, [CHILD_FILE, JSON.stringify(task)], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    reject: false,
    buffer: { fd3: false },
    // Reading that file costs 30 ms at each start.
    env: { NODE_EXTRA_CA_CERTS: undefined },
  });
  let report: Omit<MixedReport, "fillSeconds"> | undefined;
  const lines = createInterface({ input: child.stdio[3] as NodeJS.ReadableStream });
  const heard = new Promise<void>((resolve) => lines.once("close", resolve));
  lines.on("line", (line) => {
    const message = JSON.parse(line) as MixedMessage;
    if (message.kind === "done") ({ report } = message);
    else progress.update(message.second.second, `${message.second.ops} operations a second`);
  });
  const { exitCode, stderr } = await child;
  await heard;
  if (!report) throw new Error(`the mixed run ended with ${exitCode}\n${stderr}`);
  return report;
}
