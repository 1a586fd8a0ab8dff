// What `strace -f -y -xx -o FILE` writes, as calls: a line for each, or two where another thread's call came in between
// (`<unfinished ...>` and `<... name resumed>`). Strings are \xNN throughout, so that nothing in them has to be unquoted.

export interface SystemCall {
  /** The thread. */
  readonly thread: number;
  readonly name: string;
  /** As strace prints them; a string is still in its quotes. */
  readonly words: readonly string[];
  /** -1 for a failed call, with `error` its name. */
  readonly result: number;
  readonly error: string | undefined;
  /** What -y says of a returned descriptor: the path. */
  readonly resultPath: string | undefined;
  /** Numbers of the lines at which it began and returned. */
  readonly begun: number;
  readonly ended: number;
}

/** What strace has to be asked for. */
export const TRACED_CALLS: readonly string[] = `
  open openat openat2 creat close close_range dup dup2 dup3 fcntl
  clone clone3 fork vfork execve execveat exit_group chdir fchdir
  read readv lseek write writev pwrite64 pwritev pwritev2
  truncate ftruncate fallocate copy_file_range sendfile splice mmap io_uring_setup
  fsync fdatasync syncfs sync rename renameat renameat2 link linkat
  symlink symlinkat unlink unlinkat mkdir mkdirat rmdir`
  .trim()
  .split(/\s+/);

/** The trace cannot be understood. */
export class StraceError extends Error {}

const UNFINISHED = " <unfinished ...>";
const RESUMED = /^<\.\.\. (\w+) resumed>/;
const LINE = /^(\d+) +(.*)$/;

/** The calls of a trace in the order in which they returned; what never did is left out. */
export function* systemCalls(lines: Iterable<string>): Generator<SystemCall> {
  const begun = new Map<number, { text: string; line: number }>();
  let number = 0;
  for (const line of lines) {
    number++;
    const match = LINE.exec(line);
    if (!match) continue;
    const thread = Number(match[1]);
    const text = match[2]!;
    // Signals and ends of threads.
    if (text.startsWith("---") || text.startsWith("+++")) continue;
    if (text.endsWith(UNFINISHED)) {
      begun.set(thread, { text: text.slice(0, -UNFINISHED.length), line: number });
      continue;
    }
    const resumed = RESUMED.exec(text);
    if (!resumed) {
      yield callOf(thread, text, { begun: number, ended: number });
      continue;
    }
    const start = begun.get(thread);
    if (!start) throw new StraceError(`line ${number}: ${resumed[1]} is resumed and was never begun`);
    begun.delete(thread);
    yield callOf(thread, start.text + text.slice(resumed[0].length), { begun: start.line, ended: number });
  }
}

function callOf(thread: number, text: string, at: { begun: number; ended: number }): SystemCall {
  const open = text.indexOf("(");
  const equals = text.lastIndexOf(") = ");
  // strace pads the closing bracket of short lines.
  const end = equals >= 0 ? equals : text.search(/\)\s+= /);
  if (open < 0 || end < 0) throw new StraceError(`line ${at.ended}: ${text.slice(0, 120)}`);
  const outcome = text.slice(text.indexOf("= ", end) + 2);
  const [, result = "", path, error] = /^(-?\d+|\?|0x[\da-f]+)(?:<([^>]*)>)?(?: (E[A-Z]+))?/.exec(outcome) ?? [];
  return {
    thread,
    name: text.slice(0, open),
    words: wordsOf(text.slice(open + 1, end)),
    result: Number(result),
    error,
    resultPath: path === undefined ? undefined : pathOf(path),
    ...at,
  };
}

// Split at the commas that stand in no bracket and no string.
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '"') quoted = !quoted;
    if (quoted) continue;
    if (char === "[" || char === "{" || char === "<") depth++;
    else if (char === "]" || char === "}" || char === ">") depth--;
    else if (char === "," && depth === 0) {
      words.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  const last = text.slice(start).trim();
  if (last !== "") words.push(last);
  return words;
}

/** The bytes of a string in its quotes. Throws StraceError for one that strace has cut short ("…"...). */
export function bytesOf(word: string): Buffer {
  const match = /^"((?:\\x[\da-f]{2})*)"$/.exec(word);
  if (!match) throw new StraceError(`${word.slice(0, 60)} is no whole string`);
  return Buffer.from(match[1]!.replaceAll("\\x", ""), "hex");
}

/** A path in a string, or as -y prints it. */
export function pathOf(text: string): string {
  return Buffer.from(text.replaceAll(/["\\x]/g, ""), "hex").toString("utf8");
}

/** A descriptor with what -y says of it: `12<path>`, AT_FDCWD<path>. */
export function descriptorOf(word: string): { readonly fd: number; readonly path: string | undefined } {
  const [, number, path] = /^(AT_FDCWD|-?\d+)(?:<(.*)>(?:\(deleted\))?)?$/.exec(word) ?? [];
  if (number === undefined) throw new StraceError(`${word.slice(0, 60)} is no descriptor`);
  // Pipes and sockets have no path that starts with a slash.
  const decoded = path === undefined || !path.startsWith("\\x2f") ? undefined : pathOf(path);
  return { fd: number === "AT_FDCWD" ? -100 : Number(number), path: decoded };
}

/** What a write took: it may fall short. */
export function writtenBy(call: SystemCall): Buffer {
  const text = call.words[1]!;
  const parts = text.startsWith("[") ? [...text.matchAll(/iov_base=("[^"]*")/g)].map(([, part]) => part!) : [text];
  return Buffer.concat(parts.map(bytesOf)).subarray(0, call.result);
}
