// File systems on loop devices, and the three ways to cut their power. The device is a file in memory: what the kernel has
// handed to it is what a disk would hold.
//
//   copy      the writer is stopped, the file is copied while it is mounted
//   reflink   the file lies on a file system that shares blocks, and a snapshot of it is taken while the writer runs
//   shutdown  the file system is told to stop at once (XFS_IOC_GOINGDOWN, which ext4 has too); the writer then gets EIO

import { closeSync, existsSync, mkdirSync, openSync, rmSync, ftruncateSync } from "node:fs";
import { join } from "node:path";
import { execaSync } from "execa";
import { makeScratch } from "tinykv/harness";

export const FILE_SYSTEMS = ["ext4", "xfs", "btrfs"] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

export const CUTS = ["copy", "reflink", "shutdown"] as const;
export type Cut = (typeof CUTS)[number];

/** What each needs at least: xfs refuses less than 300 MB, btrfs 110. */
const BYTES: Readonly<Record<FileSystem, number>> = { ext4: 64 << 20, xfs: 320 << 20, btrfs: 160 << 20 };
/** Makes a file system without asking, and without spending time on what a test does not need. */
const MAKE: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
  xfs: ["mkfs.xfs", "-q", "-f"],
  btrfs: ["mkfs.btrfs", "-q", "-f"],
};
/** XFS_IOC_GOINGDOWN with NOLOGFLUSH: _IOR('X', 125, u32), 2. Node has no ioctl, and xfs_io refuses ext4. */
const SHUT_DOWN = 'open(F, "<", $ARGV[0]) or die; $flags = pack("L", 2); ioctl(F, 0x8004587d, $flags) or die "$!"';
/** Of the file system that snapshots are taken on. */
const OUTER_BYTES = 1 << 30;

function run(command: string, ...words: readonly string[]): void {
  execaSync(command, words);
}

/** Why there can be no power cuts here; undefined if there can. */
export function diskProblem(fs: FileSystem): string | undefined {
  if (process.platform !== "linux") return "power cuts need Linux";
  if (process.getuid?.() !== 0) return "power cuts need root: file systems are mounted";
  if (!existsSync("/dev/loop-control")) return "there are no loop devices";
  const [make] = MAKE[fs];
  if (execaSync("sh", ["-c", `command -v ${make!}`], { reject: false }).exitCode !== 0)
    return `${make!} is not installed`;
  return tryMount(fs);
}

// Containers may have the device and not the right to use it.
function tryMount(fs: FileSystem): string | undefined {
  const base = makeScratch("tinykv-disk-probe-");
  const store = new BlockStore(fs, base, false);
  try {
    store.mount();
    return undefined;
  } catch (error) {
    return `no file system can be mounted: ${(error as Error).message.split("\n")[0]}`;
  } finally {
    store.close();
    rmSync(base, { recursive: true, force: true });
  }
}

/** Whether snapshots can be taken while a writer runs. */
export function hasReflink(): boolean {
  return diskProblem("xfs") === undefined;
}

/** Whether file systems can be shut down. */
export function hasShutdown(): boolean {
  return execaSync("perl", ["-e", "exit 0"], { reject: false }).exitCode === 0;
}

/** One file system in a file, fresh, and the copies of it that cuts leave. */
export class BlockStore {
  readonly fs: FileSystem;
  /** Where it is mounted; the store under test is below. */
  readonly directory: string;
  readonly #base: string;
  readonly #image: string;
  readonly #outer: string | undefined;
  /** Where something is mounted, the newest last. */
  readonly #mounts: string[] = [];

  /** `base` is an empty directory in memory; `snapshots`: it is to be possible to cut by reflink. */
  constructor(fs: FileSystem, base: string, snapshots: boolean) {
    this.fs = fs;
    this.#base = base;
    this.directory = join(base, "mounted");
    mkdirSync(this.directory, { recursive: true });
    if (snapshots) {
      this.#outer = join(base, "outer");
      mkdirSync(this.#outer);
      makeFile(`${this.#outer}.img`, OUTER_BYTES);
      run("mkfs.xfs", "-q", "-f", `${this.#outer}.img`);
    }
    this.#image = join(this.#outer ?? base, "disk.img");
  }

  /** Makes the file system and mounts it; after an error too close() has to follow. */
  mount(): void {
    if (this.#outer !== undefined) this.#mount(`${this.#outer}.img`, this.#outer);
    makeFile(this.#image, BYTES[this.fs]);
    const [make, ...words] = MAKE[this.fs];
    run(make!, ...words, this.#image);
    this.#mount(this.#image, this.directory);
  }

  /** A copy of the device as it is; the writer must stand still. */
  copy(): string {
    const copy = join(this.#base, "cut.img");
    run("cp", "--sparse=always", this.#image, copy);
    return copy;
  }

  /** A copy of the device at one moment, whatever the writer does. */
  snapshot(): string {
    const copy = join(this.#outer!, "cut.img");
    run("cp", "--reflink=always", this.#image, copy);
    return copy;
  }

  /** Cuts the file system off from its device: nothing that is not there yet gets there. Then the device is the copy. */
  shutDown(): string {
    run("perl", "-e", SHUT_DOWN, this.directory);
    return this.#image;
  }

  unmount(): void {
    this.#unmount(this.directory);
  }

  /** Mounts what a cut left, as a machine does that comes up again; takes it away behind `look`. */
  after<T>(cut: string, look: (directory: string) => T): T {
    const directory = join(this.#base, "after");
    mkdirSync(directory, { recursive: true });
    // A snapshot has the identity of what is still mounted: xfs and btrfs refuse two of it.
    this.#mount(cut, directory, this.fs === "xfs" ? "loop,nouuid" : "loop");
    try {
      return look(directory);
    } finally {
      this.#unmount(directory);
    }
  }

  /** Nothing is mounted any more, whatever happened; who has files open there must have ended. */
  close(): void {
    for (const directory of this.#mounts.toReversed()) this.#unmount(directory);
  }

  #mount(image: string, directory: string, options = "loop"): void {
    run("mount", "-o", options, image, directory);
    this.#mounts.push(directory);
  }

  // One that is busy (an engine that was found wrong may keep files open) goes as soon as it is not.
  #unmount(directory: string): void {
    const at = this.#mounts.lastIndexOf(directory);
    if (at < 0) return;
    this.#mounts.splice(at, 1);
    if (execaSync("umount", [directory], { reject: false }).exitCode !== 0) run("umount", "--lazy", directory);
  }
}

function makeFile(path: string, bytes: number): void {
  const fd = openSync(path, "w");
  ftruncateSync(fd, bytes);
  closeSync(fd);
}
