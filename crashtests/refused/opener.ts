import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Opened } from "./opener-main.ts";

// Children start from the built file, whether this module runs from dist/ or, in tests, from its source.
const FILE = fileURLToPath(new URL("opener-main.js", import.meta.url)).replace(
  /(\/dist)?\/crashtests\/refused\//,
  "/dist/crashtests/refused/",
);

export interface Opener {
  readonly opened: Opened;
  /** Kills it with SIGKILL and waits for its end. */
  kill(): Promise<void>;
}

export interface OpenerOptions {
  readonly role: "hold" | "write" | "read";
  readonly directory: string;
  /** Another user. */
  readonly uid?: number;
}

/** Starts a process that opens the store; resolves when it has, or could not. */
export async function startOpener({ role, directory, uid }: OpenerOptions): Promise<Opener> {
  const child = execa(process.execPath, [FILE, role, directory], {
    stdio: ["ignore", "pipe", "inherit"],
    reject: false,
    buffer: false,
    ...(uid !== undefined && { uid, gid: uid }),
  });
  const ended = child.then((result) => result.exitCode);
  const line = new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout });
    lines.once("line", resolve);
    lines.once("close", () => reject(new Error("an opener ended without a word")));
  });
  const opened = JSON.parse(await line) as Opened;
  return {
    opened,
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
