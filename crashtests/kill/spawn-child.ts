import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { ChildPlan } from "./plan.ts";
import { decodeRecords, RecordKind, type Record } from "./records.ts";

// Children start from the built file, whether this module runs from dist/ or, in tests, from its source.
const CHILD_FILE = fileURLToPath(new URL("child-main.js", import.meta.url)).replace(
  /(\/dist)?\/crashtests\/kill\//,
  "/dist/crashtests/kill/",
);

/** A child that a plan does not kill by then has hung. */
const CHILD_SECONDS_MOST = 120;

/** No child lives longer than this: one that comes to its place slowly is killed where it is. */
const CHILD_MILLISECONDS_MOST = 2500;

/** How a child ended, and what it said before. */
export interface ChildEnd {
  readonly signal: string | undefined;
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly records: readonly Record[];
  readonly hung: boolean;
}

/** Runs a child to its violent end; resolves after all its pipes have closed. */
export async function spawnChild(plan: ChildPlan): Promise<ChildEnd> {
  const child = execa(process.execPath, ["--no-warnings", CHILD_FILE, JSON.stringify(plan)], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    reject: false,
    detached: true,
    // An extra certificate file costs every start of Node thirty milliseconds.
    env: { NODE_EXTRA_CA_CERTS: "" },
    stripFinalNewline: true,
    buffer: { fd3: false },
  });
  const kill = (): void => void child.kill("SIGKILL");
  const records = collectRecords(child.stdio[3] as NodeJS.ReadableStream, plan, kill);
  let hung = false;
  const watchdog = setTimeout(() => {
    hung = true;
    kill();
  }, CHILD_SECONDS_MOST * 1000);
  const result = await child;
  clearTimeout(watchdog);
  return {
    signal: result.signal,
    exitCode: result.exitCode,
    stderr: result.stderr ?? "",
    records: await records,
    hung,
  };
}

function collectRecords(stream: NodeJS.ReadableStream, plan: ChildPlan, kill: () => void): Promise<readonly Record[]> {
  const chunks: Buffer[] = [];
  const lifetime = plan.kill.by === "time" ? plan.kill.milliseconds : CHILD_MILLISECONDS_MOST;
  let acknowledged = 0;
  let timer: NodeJS.Timeout | undefined;
  let rest = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    rest = Buffer.concat([rest, chunk]);
    const records = decodeRecords(rest);
    rest = rest.subarray(rest.length - (rest.length % 9));
    for (const { kind } of records) {
      if (kind === RecordKind.acknowledged) acknowledged++;
      if (kind === RecordKind.done) kill();
      if (kind === RecordKind.openBegin) timer ??= setTimeout(kill, lifetime);
    }
    if (plan.kill.by === "acknowledgement" && acknowledged >= plan.kill.count) kill();
  });
  return new Promise((resolve) => {
    stream.on("close", () => {
      clearTimeout(timer);
      resolve(decodeRecords(Buffer.concat(chunks)));
    });
  });
}
