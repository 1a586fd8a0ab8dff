// A small disk to try sentences of the model on: a program makes real calls (RecordingEnv over ImageEnv), a SimulatedDisk
// follows, and what a crash may leave is told in text.
//
//   "a=old sub/ sub/b="      the names ascending, "/" behind directories, the bytes behind "="; "nothing" if there are none
//   "a=x-{4095}.{20}"        a byte that comes sixteen times or more in a row is told once, with its number; "." is zero

import type { FileHandle } from "tinykv/env";
import { crashImages, type CrashImage } from "./crash-images.ts";
import { ImageEnv } from "./image-env.ts";
import { ContentStore, type Image, makeImage } from "./image.ts";
import { RecordingEnv, type Fault, type Interceptor } from "./recording-env.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import type { TraceEvent } from "./trace.ts";

/** Fewer are told byte by byte. */
const RUN_MIN = 16;

export class Scene implements Interceptor {
  readonly contents: ContentStore;
  readonly files: ImageEnv;
  readonly env: RecordingEnv;
  readonly trace: TraceEvent[] = [];
  disk: SimulatedDisk;
  /** Disks that follow too. */
  readonly others: SimulatedDisk[] = [];
  time = 0;
  #fault: Fault | undefined;

  /** What is durable at the start, as texts by name; names that end with "/" are directories. */
  constructor(durable: Readonly<Record<string, string>> = {}, contents: ContentStore = new ContentStore()) {
    this.contents = contents;
    const image = imageOf(durable, contents);
    this.files = new ImageEnv(image);
    this.disk = new SimulatedDisk(image, contents);
    this.env = new RecordingEnv(this.files, this);
  }

  before(): Fault | undefined {
    const fault = this.#fault;
    this.#fault = undefined;
    return fault;
  }

  after(event: TraceEvent): void {
    this.trace.push(event);
    this.time++;
    for (const disk of [this.disk, ...this.others]) disk.apply(event, this.time);
  }

  /** The next call fails as `fault` says. */
  plan(fault: Fault): void {
    this.#fault = fault;
  }

  /** Makes a call that fails with EIO. */
  failing(call: () => void, outcome: Fault["outcome"] = "part"): void {
    this.plan({ outcome, error: "EIO" });
    try {
      call();
    } catch {
      return;
    }
    throw new Error("the call did not fail");
  }

  create(name: string): SceneFile {
    return new SceneFile(this.env.open(`/${name}`, "wx"));
  }

  open(name: string): SceneFile {
    return new SceneFile(this.env.open(`/${name}`, "rw"));
  }

  link(from: string, to: string): void {
    this.env.link(`/${from}`, `/${to}`);
  }

  unlink(name: string): void {
    this.env.unlink(`/${name}`);
  }

  rename(from: string, to: string): void {
    this.env.rename(`/${from}`, `/${to}`);
  }

  makeDirectory(name: string): void {
    this.env.makeDirectory(`/${name}`);
  }

  removeDirectory(name: string): void {
    this.env.removeDirectory(`/${name}`);
  }

  /** The root unless a name is given. */
  syncDirectory(name = ""): void {
    this.env.syncDirectory(`/${name}`, "log.directory");
  }

  /** All that a power cut may leave now, ascending. Every one of them must come again from its own account of itself. */
  powerCut(): string[] {
    const found = cutImages(this.disk).map((crashImage) => {
      const image = crashImage.image();
      const { choices, fill } = crashImage.survival();
      const again = this.disk.image(this.disk.pending(), choices, fill);
      if (again.key !== image.key) throw new Error(`${tell(image)} comes again as ${tell(again)}`);
      return tell(image);
    });
    if (new Set(found).size !== found.length) throw new Error("an image came twice");
    return found.sort();
  }

  /** What the next process finds after a process kill. */
  kill(oldBytes = false): string {
    return tell(this.disk.imageKill(oldBytes));
  }
}

export class SceneFile {
  readonly handle: FileHandle;

  constructor(handle: FileHandle) {
    this.handle = handle;
  }

  write(text: string, position = 0): void {
    this.handle.write(Buffer.from(text, "latin1"), position);
  }

  read(): string {
    const buffer = Buffer.alloc(this.handle.size());
    return buffer.toString("latin1", 0, this.handle.read(buffer, 0));
  }

  truncate(size: number): void {
    this.handle.truncate(size);
  }

  sync(): void {
    this.handle.sync("log.write");
  }

  syncAsync(): Promise<void> {
    return this.handle.syncAsync("log.write");
  }

  close(): void {
    this.handle.close();
  }
}

/** Every image, where all combinations are tried. */
export function cutImages(disk: SimulatedDisk): readonly CrashImage[] {
  const onCapped = (): never => {
    throw new Error("more combinations than are tried");
  };
  return crashImages(disk, { samples: 0, seed: "scene", onCapped });
}

export function tell({ files, directories }: Image): string {
  const names = new Map<string, string>();
  for (const path of directories) if (path !== "/") names.set(path.slice(1), "/");
  for (const [path, { bytes }] of files) names.set(path.slice(1), `=${tellBytes(bytes)}`);
  const told = [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, what]) => name + what);
  return told.length === 0 ? "nothing" : told.join(" ");
}

function tellBytes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    let end = at;
    while (bytes[end] === bytes[at]) end++;
    const letter = bytes[at] === 0 ? "." : String.fromCharCode(bytes[at]!);
    text += end - at < RUN_MIN ? letter.repeat(end - at) : `${letter}{${end - at}}`;
    at = end;
  }
  return text;
}

function imageOf(durable: Readonly<Record<string, string>>, contents: ContentStore): Image {
  const names = Object.keys(durable);
  const directories = names.filter((name) => name.endsWith("/")).map((name) => `/${name.slice(0, -1)}`);
  const files = names
    .filter((name) => !name.endsWith("/"))
    .map((name) => [`/${name}`, contents.of(new Uint8Array(Buffer.from(durable[name]!, "latin1")))] as const);
  return makeImage(files, ["/", ...directories]);
}
