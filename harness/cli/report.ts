import { writeSync } from "node:fs";

/** One finding, as the last line of `--json` gives it. */
export interface ReportedFailure {
  readonly condition: string;
  readonly seed: string;
  readonly directory: string;
  readonly replay: string;
  readonly message: string;
}

/** What a command found and did; `counters` are the command's own. */
export interface CommandReport {
  readonly command: string;
  readonly seed: string;
  readonly ops: number;
  readonly seconds: number;
  readonly failures: readonly ReportedFailure[];
  /** Reasons other than failures why it is not ok. */
  readonly complaints?: readonly string[];
  readonly counters: Readonly<Record<string, unknown>>;
}

export const Exit = { ok: 0, failure: 1, usage: 2, broken: 3 } as const;

/** Progress and explanations: everything but the result goes to standard error. */
export function say(line: string): void {
  writeSync(2, `${line}\n`);
}

/** Prints a report for people or as one JSON object; returns the exit code. */
export function finish(report: CommandReport, json: boolean): number {
  const { counters, complaints = [], ...rest } = report;
  const ok = report.failures.length === 0 && complaints.length === 0;
  for (const { condition, message, directory, replay } of report.failures) {
    say(`FAILED ${condition}: ${message}`);
    say(`  kept in ${directory}`);
    say(`  again: ${replay}`);
  }
  for (const complaint of complaints) say(`NOT OK: ${complaint}`);
  if (json) {
    const failures = report.failures.map(({ condition, seed, directory, replay }) => ({
      condition,
      seed,
      directory,
      replay,
    }));
    printResult(JSON.stringify({ ...rest, ok, failures, ...counters }));
  } else {
    const facts = Object.entries(counters).map(
      ([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`,
    );
    printResult(
      [
        `${report.command} seed ${report.seed}: ${ok ? "ok" : "FAILED"}`,
        `${report.ops} operations`,
        `${report.seconds.toFixed(1)} s`,
        ...facts,
      ].join(", "),
    );
  }
  return ok ? Exit.ok : Exit.failure;
}

/** The result goes to standard output, whole even if that is a pipe that is full for a while. */
export function printResult(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let done = 0; done < bytes.length;) {
    try {
      done += writeSync(1, bytes, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}
