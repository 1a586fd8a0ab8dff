// Env: the one door to the world. Files, directories, locks, time, chance; nothing in src/ reaches past it.

/**
 * The name of each sync that the order of I/O needs, so that a harness can take them away one by one.
 * Each literal stands at exactly one other place in src/; a test counts them.
 */
export const BARRIERS = [
  // A new store directory, a new manifest, CURRENT (creation, every writable open, rotation, checkpoint).
  "create.parent",
  "create.manifest",
  "create.directory",
  "create.current",
  "create.current-directory",
  // A durable acknowledgement, and the first one in a new log.
  "log.write",
  "log.group",
  "log.directory",
  // Leaving a log for its successor.
  "rotate.old-log",
  "rotate.old-directory",
  // A flush or compaction.
  "flush.table",
  "flush.directory",
  "flush.manifest",
  // Opening for writing, before the first unlink.
  "open.directory",
  // What a salvaging recovery leaves out.
  "lost.file",
  "lost.directory",
  "lost.parent",
  "close.log",
  "close.directory",
  "close.log-end",
  "close.manifest-end",
  "checkpoint.table",
  "checkpoint.log",
  "checkpoint.manifest-end",
  "checkpoint.parent",
  "destroy.directory",
] as const;

export type Barrier = (typeof BARRIERS)[number];

/** Shared by no one else; positions are absolute; there is no file pointer. */
export interface FileHandle {
  /** Reads up to buffer.length bytes at `position` into the start of `buffer`; returns how many (0 = end of file). May be short. */
  read(buffer: Uint8Array, position: number): number;
  /** Writes up to buffer.length bytes at `position`, extending the file with zeros if needed; returns how many. May be short. */
  write(buffer: Uint8Array, position: number): number;
  /** Makes the file's bytes and size durable (fdatasync); not its name. Works through a file opened with "r" too. */
  sync(barrier: Barrier): void;
  /** sync, off the event loop: durable is what had been written when the call was made. */
  syncAsync(barrier: Barrier): Promise<void>;
  truncate(size: number): void;
  size(): number;
  /** Makes nothing durable. Afterwards every call fails with EBADF, a second close too; a syncAsync under way completes. */
  close(): void;
}

export type OpenMode =
  /** an existing file, for reading */
  | "r"
  /** an existing file, for reading and writing */
  | "rw"
  /** a new file, for reading and writing; fails with EEXIST if the name exists in any form */
  | "wx";

export interface FileStat {
  readonly size: number;
  readonly inode: number;
  readonly kind: "file" | "directory" | "symlink" | "other";
}

export interface Lock {
  /** Gives the lock back; twice is nothing. */
  release(): void;
}

/**
 * One call is one system call; no primitive syncs on the side. Every call may fail, with an Error whose `code` is the
 * errno name ("ENOENT", "EEXIST", "ENOSPC", "EIO" …).
 */
export interface Env {
  open(path: string, mode: OpenMode): FileHandle;
  /** The names in a directory, in no particular order, without "." and "..". */
  readDirectory(path: string): string[];
  makeDirectory(path: string): void;
  removeDirectory(path: string): void;
  /** Does not follow symbolic links. */
  stat(path: string): FileStat;
  /** Replaces `to` if it exists. */
  rename(from: string, to: string): void;
  /** A second name for a file; fails with EEXIST if `to` exists. */
  link(from: string, to: string): void;
  /** The name goes; open handles go on reading and writing. */
  unlink(path: string): void;
  /** Makes the directory's list of names durable. EMFILE and ENFILE say that it was not even begun: nothing is lost. */
  syncDirectory(path: string, barrier: Barrier): void;
  /** Takes the lock file `path` (created if missing) or throws TinyKVError LOCKED with the holder's pid, at once. */
  lock(path: string): Lock;
  /** Milliseconds since 1970. */
  now(): number;
  /** Blocks the calling thread. */
  sleep(milliseconds: number): void;
  randomBytes(count: number): Uint8Array;
  /** The module that a background worker thread starts from; without it "thread" falls back to "inline". */
  readonly worker?: URL | undefined;
}
