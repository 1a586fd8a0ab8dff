import { execFileSync } from "node:child_process";
import { test } from "vitest";

const missing = whatIsMissing();
if (missing !== undefined) console.log(`some tests are left out: ${missing}`);

/** A test that mounts a file system or becomes another user; skipped, with the reason printed, where that is not allowed. */
export function testAsRoot(name: string, run: () => Promise<void>): void {
  test(name, async ({ skip }) => {
    skip(missing !== undefined, missing);
    await run();
  });
}

function whatIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "only the superuser can mount a file system and become somebody else";
  try {
    execFileSync("mount", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch (error) {
    return `mount cannot be run (${(error as Error).message})`;
  }
}
