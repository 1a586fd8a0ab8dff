import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "vitest";

/** "nobody" of most systems. */
export const NOBODY = 65_534;

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
  } catch (error) {
    return `mount cannot be run (${(error as Error).message})`;
  }
  return nobodyCanRun() ? undefined : "Node or the built files are not readable for another user";
}

// Node may stand in a home directory, and the checkout too.
function nobodyCanRun(): boolean {
  const built = fileURLToPath(new URL("../../dist/crashtests/refused/opener-main.js", import.meta.url));
  try {
    const script = `require("node:fs").readFileSync(${JSON.stringify(built)})`;
    execFileSync(process.execPath, ["-e", script], { uid: NOBODY, gid: NOBODY, stdio: "ignore", cwd: "/" });
    return true;
  } catch (error) {
    void error;
    return false;
  }
}
