// What the system says of this process, of a directory, and of the machine.

import { execFileSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";

/** A block of stat(2), whatever the file system's own is. */
const STAT_BLOCK_BYTES = 512;

/** Bytes that this process has handed to the kernel by write calls; undefined where the system does not tell. */
export function writtenBytes(): number | undefined {
  try {
    const found = /^wchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"));
    return found ? Number(found[1]) : undefined;
  } catch (error) {
    void error;
    return undefined;
  }
}

/** The most memory that this process has had resident, in bytes. */
export function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** What a directory takes on the disk: allocated blocks, so that holes do not count. */
export function diskBytes(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const stat = lstatSync(path);
    bytes += stat.isDirectory() ? diskBytes(path) : stat.blocks * STAT_BLOCK_BYTES;
  }
  return bytes;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Of the directory that the stores stand in. */
  readonly fileSystem: string;
}

export function machine(directory: string): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
    fileSystem: fileSystemOf(directory),
  };
}

function fileSystemOf(directory: string): string {
  try {
    const lines = execFileSync("df", ["-PT", directory], { encoding: "utf8" }).trim().split("\n");
    return lines.at(-1)?.split(/\s+/)[1] ?? "unknown";
  } catch (error) {
    void error;
    return "unknown";
  }
}
