// System calls as the trace of a store: what a program did to the files below one directory, in the terms of the simulated
// disk. A write happens when it returns; a sync covers what had returned when it began.
//
// What goes past calls is not seen: writes through a shared mapping, io_uring. It is said of which files, and a simulated
// disk behind the trace can be compared with the real one (unexplained files).

import { posix } from "node:path";
import type { TraceCall, TraceEvent } from "../disk/trace.ts";
import { DescriptorTables } from "./descriptor-tables.ts";
import { effectsOf } from "./effects.ts";
import { WorkingDirectories } from "./working-directories.ts";
import { descriptorOf, pathOf, StraceError, type SystemCall, writtenBy } from "./system-calls.ts";

/** Syncs of an engine that is not ours have no names. */
const BARRIER = "foreign" as unknown as Extract<TraceCall, { call: "sync" }>["barrier"];

/** Standard output of the driver, where its answers go: what a trace first says of this number. */
const ANSWERS = /^1<(.*)>/;

/** pwritev2's place for where the descriptor stands. */
const CURRENT_OFFSET = -1;

interface Inode {
  size: number;
}

interface OpenFile {
  readonly path: string;
  readonly inode: Inode;
  /** The trace's number; absent for a directory. */
  readonly file: number | undefined;
  isAppending: boolean;
  readonly isSyncing: boolean;
  offset: number;
}

export interface StoreTraceOptions {
  /** The store's directory as the program names it: absolute and without links. */
  readonly directory: string;
  /** What it is called in the trace. */
  readonly name: string;
  /** Files that are there at the beginning: paths below the directory, and sizes. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Told of each line that the program wrote to standard output, when it had. */
  readonly answered: (line: string) => void;
  readonly event: (event: TraceEvent) => void;
}

/** Turns calls into events. */
export class StoreTrace {
  /** What the trace does not show, one sentence each. */
  readonly notCovered: Set<string> = new Set<string>();
  /** False when names came from outside of the directory, or left it: what such a file holds the trace does not tell. */
  isWhole = true;
  readonly #options: StoreTraceOptions;
  readonly #inodes = new Map<string, Inode>();
  readonly #tables = new DescriptorTables<OpenFile>();
  readonly #directories = new Set<string>();
  readonly #working = new WorkingDirectories();
  #nextFile = 1;
  #nextSync = 1;
  #answers = Buffer.alloc(0);
  /** The pipe by its name: it may have other numbers, and the number in a child be something else. */
  #answersPipe: string | undefined;

  constructor(options: StoreTraceOptions) {
    this.#options = options;
    for (const [path, size] of options.sizes) this.#inodes.set(posix.join(options.directory, path), { size });
  }

  /** Takes a trace whole. Throws StraceError. */
  takeAll(calls: Iterable<SystemCall>): void {
    const ends = new Map<SystemCall, (() => void) | undefined>();
    for (const { call, phase } of effectsOf(calls)) {
      if (phase === "birth") this.#begun(call);
      else if (phase === "begin") ends.set(call, this.#syncBegan(call));
      else if (phase === "end") ends.get(call)?.();
      else this.#take(call);
    }
  }

  #begun({ thread, result, words, error }: SystemCall): void {
    if (error !== undefined) return;
    const flags = words.join();
    this.#tables.begin(thread, result, flags.includes("CLONE_FILES"));
    this.#working.begin(thread, result, flags.includes("CLONE_FS"));
  }

  #take(call: SystemCall): void {
    for (const word of call.words) {
      this.#answersPipe ??= ANSWERS.exec(word)?.[1];
      this.#working.see(call.thread, word);
    }
    if (call.name === "exit_group") this.#forget(this.#tables.end(call.thread));
    if (call.error !== undefined || Number.isNaN(call.result)) return;
    switch (call.name) {
      case "open":
      case "openat":
      case "openat2":
      case "creat":
        return this.#opened(call);
      case "close":
      case "close_range":
        return this.#closed(call);
      case "dup":
      case "dup2":
      case "dup3":
      case "fcntl":
        return this.#duplicated(call);
      case "read":
      case "readv":
      case "lseek":
        return this.#moved(call);
      case "write":
      case "writev":
      case "pwrite64":
      case "pwritev":
      case "pwritev2":
        return this.#wrote(call);
      case "truncate":
      case "ftruncate":
      case "fallocate":
        return this.#resized(call);
      case "fsync":
      case "fdatasync":
        return this.#synced(call);
      case "copy_file_range":
      case "sendfile":
      case "splice":
      case "mmap":
      case "io_uring_setup":
      case "syncfs":
      case "sync":
        return this.#unseen(call);
      case "chdir":
        return this.#working.set(call.thread, this.#pathAt(call.thread, "AT_FDCWD", call.words[0]!));
      case "fchdir":
        return this.#working.set(call.thread, descriptorOf(call.words[0]!).path);
      case "execve":
      case "execveat":
        return this.#forget(this.#tables.execute(call.thread));
      default:
        return this.#named(call);
    }
  }

  #opened(call: SystemCall): void {
    const isAt = call.name.startsWith("openat");
    const path = isAt
      ? this.#pathAt(call.thread, call.words[0]!, call.words[1]!)
      : this.#pathAt(call.thread, "AT_FDCWD", call.words[0]!);
    const flags = call.name === "creat" ? "O_CREAT|O_WRONLY|O_TRUNC" : (call.words[isAt ? 2 : 1] ?? "");
    // Whatever had the number has it no longer.
    this.#forget(this.#tables.delete(call.thread, call.result));
    // The store's own name is in its parent.
    if (!this.#isInside(path) && path !== posix.dirname(this.#options.directory)) return;
    const closesOnExec = flags.includes("O_CLOEXEC");
    const set = (open: OpenFile): void => this.#tables.set(call.thread, call.result, open, closesOnExec);
    if (flags.includes("O_DIRECTORY") || this.#isDirectory(path)) return set(directoryAt(path));
    let inode = this.#inodes.get(path);
    const file = this.#nextFile++;
    const isNew = inode === undefined;
    if (!inode) this.#inodes.set(path, (inode = { size: 0 }));
    this.#emit({ call: "open", path: this.#nameOf(path), mode: isNew ? "wx" : "rw", file });
    const isAppending = flags.includes("O_APPEND");
    const isSyncing = /O_D?SYNC/.test(flags);
    set({ path, inode, file, isAppending, isSyncing, offset: 0 });
    if (!isNew && flags.includes("O_TRUNC") && inode.size > 0) this.#truncate(file, inode, 0);
  }

  #closed({ thread, name, words }: SystemCall): void {
    const first = descriptorOf(words[0]!).fd;
    const last = name === "close" ? first : descriptorOf(words[1]!).fd;
    if (words[2]?.includes("CLOEXEC") === true) this.#tables.setClosesOnExec(thread, first, last, true);
    else this.#forget(this.#tables.delete(thread, first, last));
  }

  #forget(closed: readonly OpenFile[]): void {
    for (const { file } of closed) if (file !== undefined) this.#emit({ call: "close", file });
  }

  #duplicated(call: SystemCall): void {
    const { thread, name, words, result } = call;
    const { fd } = descriptorOf(words[0]!);
    const open = this.#openFile(call);
    const command = name === "fcntl" ? words[1]! : name;
    if (command === "F_SETFL" && open) open.isAppending = words[2]!.includes("O_APPEND");
    else if (command === "F_SETFD") this.#tables.setClosesOnExec(thread, fd, fd, words[2]!.includes("FD_CLOEXEC"));
    if (!/^(dup|F_DUPFD)/.test(command)) return;
    const closesOnExec = command === "F_DUPFD_CLOEXEC" || (name === "dup3" && words[2]!.includes("O_CLOEXEC"));
    if (fd === result) return;
    const replaced = this.#tables.delete(thread, result);
    if (open) this.#tables.set(thread, result, open, closesOnExec);
    this.#forget(replaced);
  }

  /** Undefined where it is none of the store's. */
  #openFile({ thread, words }: SystemCall, word: string = words[0]!): OpenFile | undefined {
    const { fd, path } = descriptorOf(word);
    // What has no path took the number of a file in a way that was not seen.
    return path === undefined ? undefined : this.#tables.get(thread, fd);
  }

  #moved(call: SystemCall): void {
    const open = this.#openFile(call);
    if (open) open.offset = call.name === "lseek" ? call.result : open.offset + call.result;
  }

  #wrote(call: SystemCall): void {
    const bytes = writtenBy(call);
    const open = this.#openFile(call);
    const [, pipe] = /^\d+<(.*)>/.exec(call.words[0]!) ?? [];
    if (pipe !== undefined && pipe === this.#answersPipe) return this.#answer(bytes);
    if (open?.file === undefined) return;
    const { inode, file } = open;
    const place = call.name.startsWith("p") ? Number(call.words[positionWord(call)]) : CURRENT_OFFSET;
    const isPositioned = place !== CURRENT_OFFSET;
    const flags = call.name === "pwritev2" ? call.words.at(-1)! : "";
    const isAppending = open.isAppending || flags.includes("RWF_APPEND");
    const position = isAppending ? inode.size : isPositioned ? place : open.offset;
    if (!isPositioned) open.offset = position + bytes.length;
    inode.size = Math.max(inode.size, position + bytes.length);
    this.#emit({ call: "write", file, position, bytes });
    if (open.isSyncing || /RWF_D?SYNC/.test(flags)) this.#emit({ call: "sync", file, barrier: BARRIER });
  }

  #resized(call: SystemCall): void {
    if (call.name === "truncate") {
      const path = this.#pathAt(call.thread, "AT_FDCWD", call.words[0]!);
      if (this.#isInside(path)) this.notCovered.add(`truncate of ${path} by its name`);
      return;
    }
    const open = this.#openFile(call);
    if (open?.file === undefined) return;
    if (call.name === "ftruncate") return this.#truncate(open.file, open.inode, Number(call.words[1]));
    const [, mode, offset, length] = call.words;
    if (mode === "0") this.#truncate(open.file, open.inode, Math.max(open.inode.size, Number(offset) + Number(length)));
    else if (mode !== "FALLOC_FL_KEEP_SIZE") this.notCovered.add(`fallocate ${mode} of ${open.path}`);
  }

  #truncate(file: number, inode: Inode, size: number): void {
    if (inode.size === size) return;
    inode.size = size;
    this.#emit({ call: "truncate", file, size });
  }

  #synced(call: SystemCall): void {
    const open = this.#openFile(call);
    if (!open) return;
    if (open.file === undefined) {
      this.#emit({ call: "syncDirectory", path: this.#nameOf(open.path), barrier: BARRIER });
      return;
    }
    this.#emit({ call: "sync", file: open.file, barrier: BARRIER });
  }

  // What ends it; undefined when it is none of the store's files. A failed one makes nothing durable. That of a directory
  // is over as it begins: names that other threads change meanwhile are not in it.
  #syncBegan(call: SystemCall): (() => void) | undefined {
    const open = this.#openFile(call);
    if (!open || call.error !== undefined) return undefined;
    if (open.file === undefined) {
      this.#synced(call);
      return undefined;
    }
    const sync = this.#nextSync++;
    this.#emit({ call: "syncBegin", file: open.file, barrier: BARRIER, sync });
    return () => this.#emit({ call: "syncEnd", sync });
  }

  #unseen(call: SystemCall): void {
    if (call.name === "mmap") {
      const [, , protection = "", flags = "", word = ""] = call.words;
      if (!protection.includes("PROT_WRITE") || !flags.includes("MAP_SHARED")) return;
      const open = /^\d/.test(word) ? this.#openFile(call, word) : undefined;
      if (open) this.notCovered.add(`writes of ${posix.basename(open.path)} through a shared mapping`);
      return;
    }
    if (call.name === "io_uring_setup") this.notCovered.add("io_uring");
    else if (call.name.startsWith("sync")) this.notCovered.add(`${call.name}() of whole file systems`);
    else if (call.words.some((word) => this.#isStoreFile(call, word)))
      this.notCovered.add(`${call.name} between files`);
  }

  #named(call: SystemCall): void {
    const { name, words } = call;
    if (name.startsWith("symlink")) {
      const link =
        name === "symlink"
          ? this.#pathAt(call.thread, "AT_FDCWD", words[1]!)
          : this.#pathAt(call.thread, words[1]!, words[2]!);
      if (this.#isInside(link)) this.notCovered.add("symbolic links");
      return;
    }
    const at = name.endsWith("at") || name.endsWith("at2");
    const first = at
      ? this.#pathAt(call.thread, words[0]!, words[1]!)
      : this.#pathAt(call.thread, "AT_FDCWD", words[0]!);
    const isTwo = /^(rename|link)/.test(name);
    const second = !isTwo
      ? undefined
      : at
        ? this.#pathAt(call.thread, words[2]!, words[3]!)
        : this.#pathAt(call.thread, "AT_FDCWD", words[1]!);
    if (!this.#isInside(first) && (second === undefined || !this.#isInside(second))) return;
    if (second !== undefined) {
      if (words[4]?.includes("RENAME_") === true && words[4] !== "RENAME_NOREPLACE")
        this.notCovered.add(`${name} with ${words[4]}`);
      return this.#renamed(name, first, second);
    }
    const path = this.#nameOf(first);
    if (name.startsWith("mkdir")) {
      if (first !== this.#options.directory) this.#directories.add(first);
      this.#emit({ call: "makeDirectory", path });
    } else if (name === "rmdir" || (name === "unlinkat" && words[2]!.includes("AT_REMOVEDIR"))) {
      this.#directories.delete(first);
      this.#emit({ call: "removeDirectory", path });
    } else if (name.startsWith("unlink")) {
      this.#inodes.delete(first);
      this.#emit({ call: "unlink", path });
    } else throw new StraceError(`${name} is not understood`);
  }

  #renamed(name: string, from: string, to: string): void {
    if (!this.#isInside(from) || !this.#isInside(to)) {
      this.isWhole = false;
      this.notCovered.add(
        `${name} of ${posix.basename(from)} to ${posix.basename(to)}, one outside of the store: no image is tried`,
      );
      return;
    }
    const inode = this.#inodes.get(from);
    if (inode) this.#inodes.set(to, inode);
    if (name.startsWith("rename")) this.#inodes.delete(from);
    if (this.#directories.has(from)) this.#moveDirectory(from, to);
    this.#emit({ call: name.startsWith("rename") ? "rename" : "link", from: this.#nameOf(from), to: this.#nameOf(to) });
  }

  #moveDirectory(from: string, to: string): void {
    for (const path of [...this.#directories].filter((one) => one === from || one.startsWith(`${from}/`))) {
      this.#directories.delete(path);
      this.#directories.add(to + path.slice(from.length));
    }
    for (const [path, inode] of [...this.#inodes].filter(([one]) => one.startsWith(`${from}/`))) {
      this.#inodes.delete(path);
      this.#inodes.set(to + path.slice(from.length), inode);
    }
  }

  #answer(bytes: Buffer): void {
    this.#answers = Buffer.concat([this.#answers, bytes]);
    for (let end = this.#answers.indexOf("\n"); end >= 0; end = this.#answers.indexOf("\n")) {
      this.#options.answered(this.#answers.toString("utf8", 0, end));
      this.#answers = this.#answers.subarray(end + 1);
    }
  }

  #emit(event: TraceEvent): void {
    this.#options.event(event);
  }

  #pathAt(thread: number, directory: string, word: string): string {
    const path = pathOf(word);
    if (path.startsWith("/")) return posix.normalize(path);
    return posix.join(descriptorOf(directory).path ?? this.#working.of(thread), path);
  }

  #isInside(path: string): boolean {
    return path === this.#options.directory || path.startsWith(`${this.#options.directory}/`);
  }

  #isDirectory(path: string): boolean {
    const { directory } = this.#options;
    return path === directory || path === posix.dirname(directory) || this.#directories.has(path);
  }

  #isStoreFile(call: SystemCall, word: string): boolean {
    return /^\d+</.test(word) && this.#openFile(call, word)?.file !== undefined;
  }

  #nameOf(path: string): string {
    return posix.join(this.#options.name, posix.relative(this.#options.directory, path));
  }
}

function directoryAt(path: string): OpenFile {
  return { path, inode: { size: 0 }, file: undefined, isAppending: false, isSyncing: false, offset: 0 };
}

function positionWord(call: SystemCall): number {
  return call.name === "pwritev2" ? call.words.length - 2 : call.words.length - 1;
}
