import { FILLS } from "./fills.ts";
import { MAINTENANCE } from "./maintenance.ts";
import { READS } from "./reads.ts";
import type { Workload } from "./workload.ts";
import { YCSB } from "./ycsb.ts";

/** Every workload, in the order of the report. */
export const WORKLOADS: readonly Workload[] = [...FILLS, ...READS, ...MAINTENANCE, ...YCSB];

/** Throws for a name that there is not. */
export function workloadNamed(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (!found)
    throw new Error(`no workload ${name}; there are ${WORKLOADS.map((workload) => workload.name).join(", ")}`);
  return found;
}
