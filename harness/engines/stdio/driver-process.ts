// A driver process and two pipes to it that block: the harness asks, and waits for the answer, without an event loop, as
// it calls an engine of its own. The pipes are FIFOs (mkfifo), since those that Node makes for a child can only be read
// asynchronously. When the driver ends, for whatever reason, reading gives the end of the file.
//
// What hangs is killed: a thread beside this one looks whether the same request has been under way for too long.

import { spawn } from "node:child_process";
import { closeSync, constants, fstatSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { execaSync } from "execa";
import { endWithCommand, hasEnded, makeScratch } from "../../scratch.ts";
import { LINE_BYTES_MOST, ProtocolError } from "./protocol.ts";
import { Watchman } from "./watchman.ts";

/** A chunk of a pipe: what Linux keeps in one. */
const READ_BYTES = 64 << 10;
const NEWLINE = 0x0a;
/** So much of what a driver said on standard error is told when it has died. */
const STDERR_TOLD = 2000;

/** Drivers of this thread that nobody has let go of. */
const LIVING = new Set<DriverProcess>();

/** Ends those that a run has left that broke off. */
export function killDrivers(): void {
  for (const driver of LIVING) {
    driver.kill();
    driver.end();
  }
}

/** The driver ended although nobody told it to. */
export class DriverDied extends Error {
  /** It had not answered for so long that it was killed. */
  readonly hung: boolean;

  constructor(message: string, hung: boolean) {
    super(message);
    this.hung = hung;
  }
}

export class DriverProcess {
  readonly pid: number;
  readonly #errors: number;
  readonly #requests: number;
  readonly #answers: number;
  readonly #watchman: Watchman;
  #buffered = Buffer.alloc(0);
  /** Where the first line that nobody has taken starts. */
  #at = 0;
  #isOver = false;

  /** `command` is split like argv already: no shell. Throws if the program cannot be started. */
  constructor(
    command: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    watchman: Watchman = Watchman.shared(),
  ) {
    this.#watchman = watchman;
    const directory = makeScratch("tinykv-driver-");
    const [requests, answers, errors] = ["requests", "answers", "errors"].map((name) => join(directory, name));
    execaSync("mkfifo", [requests!, answers!]);
    // Opened for both, a FIFO does not wait for its other end; and each is open for the other end before that is opened.
    const both = [requests!, answers!].map((path) => openSync(path, constants.O_RDWR));
    const [childReads, childWrites] = [openSync(requests!, "r"), openSync(answers!, "w")];
    const childErrors = openSync(errors!, "w");
    this.#requests = openSync(requests!, "w");
    this.#answers = openSync(answers!, "r");
    this.#errors = openSync(errors!, "r");
    // All ends are open: the names are not needed, and nobody has to remember to remove them.
    rmSync(directory, { recursive: true, force: true });
    const [file, ...words] = command;
    // Not execa: it takes no descriptors of ours.
    const child = spawn(file!, words, {
      stdio: [childReads, childWrites, childErrors],
      // A group of its own: what it starts ends with it, and does not hold the pipes.
      detached: true,
      // Reading that file costs every start of Node thirty milliseconds.
      env: { ...process.env, NODE_EXTRA_CA_CERTS: "", ...environment },
    });
    // One that cannot be started has no pid; a later error changes nothing: its pipes end.
    child.on("error", () => undefined);
    for (const fd of [...both, childReads, childWrites, childErrors]) closeSync(fd);
    child.unref();
    if (child.pid === undefined) {
      for (const fd of [this.#requests, this.#answers, this.#errors]) closeSync(fd);
      throw new ProtocolError(`${command.join(" ")} cannot be started`);
    }
    this.pid = child.pid;
    endWithCommand(this.pid);
    LIVING.add(this);
  }

  /** Sends one line, without its end. */
  send(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (bytes.length > LINE_BYTES_MOST) throw new ProtocolError(`a request of ${bytes.length} bytes`);
    let done = 0;
    this.#watchman.begin(this.pid, this.#requests, "write");
    try {
      while (done < bytes.length) done += writeSync(this.#requests, bytes, done);
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "EPIPE" ? this.died() : error;
    } finally {
      this.#watchman.end();
    }
  }

  /** The next line, when it is there. Throws DriverDied. */
  receive(): string {
    const line = this.receiveOrEnd();
    if (line === undefined) throw this.died();
    return line;
  }

  /** The same; undefined when the driver has ended and nothing is left of what it wrote. */
  receiveOrEnd(): string | undefined {
    let searched = this.#at;
    for (;;) {
      const end = this.#buffered.indexOf(NEWLINE, searched);
      if (end >= 0) {
        const line = this.#buffered.toString("utf8", this.#at, end);
        this.#at = end + 1;
        return line;
      }
      searched = this.#buffered.length - this.#at;
      if (searched > LINE_BYTES_MOST) throw new ProtocolError(`a line of more than ${LINE_BYTES_MOST} bytes`);
      if (!this.#readMore()) return undefined;
    }
  }

  /** Ends it at once. Answers that it has written can still be received. */
  kill(): void {
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  /** Why it has ended. */
  died(): DriverDied {
    const said = this.#said();
    const hung = this.#watchman.killed(this.pid);
    const why = hung ? "hung, and was killed" : "ended by itself";
    return new DriverDied(`the driver ${why}${said === "" ? "" : `: ${said}`}`, hung);
  }

  /** Waits until it has ended: nothing more is asked of it. */
  end(): void {
    if (this.#isOver) return;
    closeSync(this.#requests);
    while (this.#readMore());
    closeSync(this.#answers);
    closeSync(this.#errors);
    this.#isOver = true;
    hasEnded(this.pid);
    LIVING.delete(this);
  }

  #said(): string {
    const { size } = fstatSync(this.#errors);
    const bytes = Buffer.alloc(Math.min(size, STDERR_TOLD));
    const count = readSync(this.#errors, bytes, { position: size - bytes.length });
    return bytes.toString("utf8", 0, count).trim();
  }

  #readMore(): boolean {
    const rest = this.#buffered.subarray(this.#at);
    const chunk = Buffer.allocUnsafe(rest.length + READ_BYTES);
    rest.copy(chunk);
    this.#watchman.begin(this.pid, this.#answers, "read");
    const count = readSync(this.#answers, chunk, { offset: rest.length, length: READ_BYTES });
    this.#watchman.end();
    if (this.#watchman.released(this.pid)) return false;
    this.#buffered = chunk.subarray(0, rest.length + count);
    this.#at = 0;
    return count > 0;
  }
}
