import type { WorkerHost } from "../worker-host.ts";

/** A law that the harness itself keeps. */
export interface Check {
  /** What it is about: "simulator", "oracle" … */
  readonly group: string;
  readonly law: string;
  /** What is wrong, if anything. */
  run(host: WorkerHost): Promise<string | undefined> | string | undefined;
}

export function sameList(what: string, found: readonly string[], expected: readonly string[]): string | undefined {
  const [now, then] = [[...found].sort(), [...expected].sort()];
  return now.join("\n") === then.join("\n") ? undefined : `${what}: ${now.join(" | ")}, not ${then.join(" | ")}`;
}
