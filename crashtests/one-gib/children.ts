import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { Message, Role } from "./messages.ts";
import type { Plan } from "./plan.ts";

const CHILD_FILE = fileURLToPath(new URL("child-main.js", import.meta.url));

/** How a child ended, and what it said before. */
export interface ChildEnd {
  readonly signal: string | undefined;
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly messages: readonly Message[];
  readonly seconds: number;
}

/** Runs a child to its end; one that acknowledges the last entry of its plan is killed on the spot. */
export async function runChild(role: Role, plan: Plan): Promise<ChildEnd> {
  const start = performance.now();
  const child = execa(process.execPath, [CHILD_FILE, role, JSON.stringify(plan)], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    reject: false,
    buffer: { fd3: false },
  });
  const messages: Message[] = [];
  const lines = createInterface({ input: child.stdio[3] as NodeJS.ReadableStream });
  const heard = new Promise<void>((resolve) => lines.once("close", resolve));
  lines.on("line", (line) => {
    const message = JSON.parse(line) as Message;
    messages.push(message);
    if (message.kind === "acknowledged" && message.written === plan.entries) child.kill("SIGKILL");
  });
  const { signal, exitCode, stderr } = await child;
  await heard;
  return { signal, exitCode, stderr: stderr ?? "", messages, seconds: (performance.now() - start) / 1000 };
}
