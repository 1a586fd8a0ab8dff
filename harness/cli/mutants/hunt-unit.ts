import type { Finding } from "../../finding.ts";
import type { HuntSuite, Mode } from "../tasks.ts";
import type { WorkerHost } from "../worker-host.ts";

/** What a piece found. What has an op log can be made smaller. */
export interface Catch {
  readonly condition: string;
  readonly message: string;
  readonly log?: { readonly finding: Finding; readonly mode: Mode };
}

export interface UnitResult {
  /** Op logs run, images opened, runs with a fault, damaged stores opened, inputs decoded. */
  readonly executions: number;
  readonly found: Catch | undefined;
}

/** A piece of a campaign. */
export interface HuntUnit {
  readonly suite: HuntSuite;
  run(host: WorkerHost, until: () => boolean): Promise<UnitResult>;
}

export function catchOf(finding: Finding, mode: Mode): Catch {
  const { condition, message } = finding;
  return { condition, message, ...(finding.ops.length > 0 && { log: { finding, mode } }) };
}

/** Tables of a few entries, levels of a few tables, manifests of a few edits: what hunts take stores for. */
export const TINY =
  "small,writeBufferSize=2048,blockSize=64,targetFileSize=512,maxBytesForLevelBase=2048,maxManifestFileSize=1024";
