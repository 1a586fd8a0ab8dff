import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { execa } from "execa";
import type { Build } from "./builds.ts";
import type { MicroOptions, MicroWorkload } from "./micro.ts";

/** A child answers within a second; one that takes this long hangs. */
const CHILD_MILLISECONDS_MAX = 600_000;

/** The process that measures one build, and waits between two passes. */
export class BuildChild {
  readonly #directory: string;
  readonly #write: (line: string) => void;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;
  readonly #ended: Promise<{ readonly exitCode?: number; readonly stderr: string }>;

  /** Starts it; resolves when its stores are made. Throws its standard error if it fails. */
  static async start(childFile: string, build: Build, options: MicroOptions): Promise<BuildChild> {
    const child = new BuildChild(childFile, build, options);
    await child.#answer();
    return child;
  }

  private constructor(childFile: string, build: Build, options: MicroOptions) {
    this.#directory = mkdtempSync(join(options.directory, "stores-"));
    const own: MicroOptions = { ...options, directory: this.#directory };
    const child = execa(process.execPath, [childFile, build.url, JSON.stringify(own)], {
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      reject: false,
      buffer: { fd3: false },
      timeout: CHILD_MILLISECONDS_MAX,
      // Reading that file costs 30 ms at each start.
      env: { NODE_EXTRA_CA_CERTS: undefined },
    });
    // What it died of is on its standard error; that a pipe to it broke adds nothing.
    child.stdin.on("error", () => undefined);
    this.#write = (line) => (line === "" ? child.stdin.end() : child.stdin.write(`${line}\n`));
    this.#lines = createInterface({ input: child.stdio[3] as NodeJS.ReadableStream });
    this.#answers = this.#lines[Symbol.asyncIterator]();
    this.#ended = child;
  }

  /** Nanoseconds an operation of one pass. */
  async pass(workload: MicroWorkload): Promise<number> {
    this.#write(workload);
    return Number(await this.#answer());
  }

  /** Ends it and removes its stores. */
  async end(): Promise<void> {
    this.#write("");
    await this.#ended;
    this.#lines.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #answer(): Promise<string> {
    const { done, value } = await this.#answers.next();
    if (!done) return value;
    const { exitCode, stderr } = await this.#ended;
    rmSync(this.#directory, { recursive: true, force: true });
    throw new Error(`a measuring process ended with ${exitCode}\n${stderr}`);
  }
}
