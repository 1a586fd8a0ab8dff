// A store with one file damaged is opened in one way, everything is read, and what happened is judged.

import { CorruptionError, open } from "tinykv";
import { ImageEnv, makeImage, type FileContent } from "tinykv/harness";
import { AllocationWatch } from "./allocations.ts";
import { wrongBlame } from "./blame.ts";
import { expectationOf, type Expectation } from "./expectation.ts";
import { compareScan, readEverything, type Opener, type SubjectStore } from "./reads.ts";
import { leftOut, type LeftOut } from "./salvage.ts";
import { OPTIONS, stateOf, STORE, type Subject } from "./subject.ts";
import type { Outcome, Trial, Verdict } from "./trial.ts";

/** Never throws for what the store does. */
export function judge(trial: Trial, opener: Opener = open): Verdict {
  try {
    return { outcome: new Judgement(trial, opener).judge() };
  } catch (error) {
    const wrong =
      error instanceof Wrong ? error.message : `threw ${error instanceof Error ? error.stack : String(error)}`;
    return { outcome: "wrong", wrong };
  }
}

/** Where a checkpoint goes. */
const COPY = "/copy";

/** A verdict of C22 that does not hold. */
class Wrong extends Error {}

type Entries = readonly (readonly [string, string])[];

class Judgement {
  readonly #trial: Trial;
  readonly #opener: Opener;
  /** The directory as the open finds it. */
  readonly #files: ReadonlyMap<string, Buffer>;
  readonly #damaged: Buffer | undefined;
  readonly #env: ImageEnv;
  readonly #expectation: Expectation;

  constructor(trial: Trial, opener: Opener) {
    const { subject, damage } = trial;
    this.#trial = trial;
    this.#opener = opener;
    this.#damaged = damage.bytes();
    const files = new Map(subject.files);
    if (this.#damaged) files.set(damage.file, this.#damaged);
    else files.delete(damage.file);
    this.#files = files;
    this.#env = mount(files);
    this.#expectation = expectationOf(subject, damage, this.#damaged);
  }

  judge(): Outcome {
    const watch = new AllocationWatch();
    let most = 0;
    let outcome: Outcome;
    try {
      outcome = this.#judge();
    } finally {
      most = watch.stop();
    }
    const { subject, damage } = this.#trial;
    const size = Math.max(subject.files.get(damage.file)!.length, this.#damaged?.length ?? 0);
    if (most > allocationMost(size)) throw new Wrong(`an allocation of ${most} bytes for a file of ${size}`);
    return outcome;
  }

  #judge(): Outcome {
    const { access, mode } = this.#trial;
    let store: SubjectStore;
    try {
      store = this.#opener(STORE, {
        ...OPTIONS,
        env: this.#env,
        readOnly: access === "read-only",
        walRecoveryMode: mode,
      });
    } catch (error) {
      return this.#judgeRefusal(error);
    }
    const { expected, outcome } = this.#recovered(store);
    const reported = this.#judgeReads(store, expected);
    this.#judgeDirectory(store, reported);
    if (access === "for writing") this.#judgeWork(store, expected);
    store.close();
    if (access === "for writing") this.#judgeSecondOpen(expected);
    if (!reported) return outcome;
    // Where a tear would be right and a read still reports it, the damage was found.
    return outcome === "salvaged" ? outcome : "detected";
  }

  #judgeRefusal(error: unknown): Outcome {
    if (!(error instanceof CorruptionError)) throw error;
    this.#demandBlame(error);
    this.#demandUntouched("a refused open");
    const { survivors, mayRefuse } = this.#expectation;
    const { mode } = this.#trial;
    if (mode !== "absolute" && survivors !== undefined && !mayRefuse)
      throw new Wrong(`refused a tail that nothing witnesses: ${error.message}`);
    return "detected";
  }

  // The state that must be there, from C22 and, for a salvage, from what it says that it left out.
  #recovered(store: SubjectStore): { expected: Entries; outcome: Outcome } {
    const { subject, mode } = this.#trial;
    const { writes, durable } = subject;
    const { survivors } = this.#expectation;
    if (mode === "skipCorrupted") return this.#salvaged(store);
    if (store.recovery.skipped.length > 0) throw new Wrong(`${mode} skipped ${JSON.stringify(store.recovery.skipped)}`);
    if (mode === "absolute" || survivors === undefined) return { expected: stateOf(writes, all), outcome: "harmless" };
    const outcome = survivors === writes.length ? "harmless" : survivors < durable ? "undetectable" : "tear";
    return { expected: stateOf(writes, (_, index) => index < survivors), outcome };
  }

  #salvaged(store: SubjectStore): { expected: Entries; outcome: Outcome } {
    const { subject } = this.#trial;
    for (const gap of store.recovery.skipped) this.#demandBlame(gap);
    const out: LeftOut = leftOut(subject, this.#files, this.#expectation, store.recovery.skipped);
    if (out.problem !== undefined) throw new Wrong(out.problem);
    const expected = stateOf(subject.writes, (_, index) => !out.writes.has(index));
    const lost = [...out.torn].some((index) => index < subject.durable);
    if (store.recovery.skipped.length > 0) return { expected, outcome: "salvaged" };
    return { expected, outcome: out.writes.size === 0 ? "harmless" : lost ? "undetectable" : "tear" };
  }

  /** True if damage was reported. */
  #judgeReads(store: SubjectStore, expected: Entries): boolean {
    const { errors, wrong } = readEverything(store, expected, knownKeys(this.#trial.subject));
    if (wrong !== undefined) throw new Wrong(wrong);
    const { ok, problems } = store.verify();
    if (ok !== (problems.length === 0)) throw new Wrong(`verify is ${ok} with ${problems.length} problems`);
    for (const found of [...errors, ...problems]) this.#demandBlame(found);
    if (errors.length > 0 && ok) throw new Wrong(`verify finds nothing, but a read threw ${errors[0]!.message}`);
    return !ok;
  }

  #judgeDirectory(store: SubjectStore, reported: boolean): void {
    const { access, damage, mode } = this.#trial;
    if (access === "read-only") return this.#demandUntouched("a read-only open");
    if (reported && !this.#holds(damage.file, this.#damaged))
      throw new Wrong(`${damage.file} is damaged, reported, and no more what it was`);
    if (mode !== "skipCorrupted") return undefined;
    for (const { file, offset, length } of store.recovery.skipped) {
      const bytes = this.#files.get(file)?.subarray(offset, offset + length);
      if (length > 0 && !this.#holds(`lost/${file}-${offset}`, bytes))
        throw new Wrong(`what was left out at ${file}-${offset} is not in lost/`);
    }
    return undefined;
  }

  // Jobs and checkpoints read what reads may not have met: they hand on what is right, or report and leave the file.
  #judgeWork(store: SubjectStore, expected: Entries): void {
    const copied = this.#attempt(() => store.checkpoint(COPY));
    if (copied) {
      const wrong = this.#scanOf(COPY, expected);
      if (wrong !== undefined) throw new Wrong(`a checkpoint: ${wrong}`);
    }
    const compacted = this.#attempt(() => {
      store.flush();
      store.compactRange();
    });
    if (!compacted) {
      const { file } = this.#trial.damage;
      if (!this.#holds(file, this.#damaged))
        throw new Wrong(`${file} is damaged, a job said so, and it is no more what it was`);
      return;
    }
    const wrong = compareScan(store.iterate(), expected);
    if (wrong !== undefined) throw new Wrong(`after a compaction: ${wrong}`);
  }

  // False if it reported damage.
  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      const cause = error instanceof CorruptionError ? error : (error as Error).cause;
      if (!(cause instanceof CorruptionError)) throw error;
      this.#demandBlame(cause);
      return false;
    }
  }

  // Damage may have been copied: then the copy reports it.
  #scanOf(path: string, expected: Entries): string | undefined {
    try {
      const copy = this.#opener(path, { ...OPTIONS, env: this.#env, readOnly: true });
      try {
        return compareScan(copy.iterate(), expected);
      } finally {
        copy.close();
      }
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      return undefined;
    }
  }

  // What a writable open served is there again, or is reported again.
  #judgeSecondOpen(expected: Entries): void {
    try {
      const again = this.#opener(STORE, { ...OPTIONS, env: this.#env, readOnly: true });
      const wrong = compareScan(again.iterate(), expected);
      again.close();
      if (wrong !== undefined) throw new Wrong(`after a reopen: ${wrong}`);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.#demandBlame(error);
    }
  }

  #demandBlame(found: { readonly file: string; readonly offset: number }): void {
    const wrong = wrongBlame(this.#trial, this.#files, this.#expectation, found);
    if (wrong !== undefined) throw new Wrong(wrong);
  }

  // LOCK's content is its holder's.
  #demandUntouched(what: string): void {
    const names = new Set([...this.#files.keys(), ...this.#env.readDirectory(STORE)]);
    names.delete("LOCK");
    for (const name of names) {
      if (!this.#holds(name, this.#files.get(name))) throw new Wrong(`${what} changed ${name}`);
    }
  }

  #holds(name: string, bytes: Buffer | undefined): boolean {
    const is = contentsOf(this.#env, `${STORE}/${name}`);
    return is === undefined || bytes === undefined ? is === bytes : Buffer.compare(is, bytes) === 0;
  }
}

/** 16 times the file and a MiB: what an open may take at once. */
function allocationMost(fileBytes: number): number {
  return 16 * fileBytes + (1 << 20);
}

function all(): boolean {
  return true;
}

const known = new WeakMap<Subject, readonly string[]>();

function knownKeys(subject: Subject): readonly string[] {
  const keys = known.get(subject) ?? [...new Set(subject.writes.flatMap(({ changes }) => changes.map(([key]) => key)))];
  known.set(subject, keys);
  return keys;
}

function mount(files: ReadonlyMap<string, Buffer>): ImageEnv {
  const contents: [string, FileContent][] = [];
  for (const [name, bytes] of files)
    contents.push([`${STORE}/${name}`, { id: contents.length, size: bytes.length, bytes }]);
  return new ImageEnv(makeImage(contents, ["/", STORE]));
}

function contentsOf(env: ImageEnv, path: string): Uint8Array | undefined {
  try {
    return env.contentsOf(path);
  } catch (error) {
    // Without lost/ there is nothing in it.
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}
