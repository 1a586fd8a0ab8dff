import { NodeEnv, type Barrier, type FileHandle, type FileStat, type Lock, type OpenMode } from "tinykv/env";

/** The real file system with another root: "/d/store" is below it. The paths of its errors are the real ones. */
export class RootedEnv extends NodeEnv {
  override readonly worker = undefined;
  readonly #root: string;

  constructor(root: string) {
    super();
    this.#root = root;
  }

  override open(path: string, mode: OpenMode): FileHandle {
    return super.open(this.#root + path, mode);
  }

  override readDirectory(path: string): string[] {
    return super.readDirectory(this.#root + path);
  }

  override makeDirectory(path: string): void {
    super.makeDirectory(this.#root + path);
  }

  override removeDirectory(path: string): void {
    super.removeDirectory(this.#root + path);
  }

  override stat(path: string): FileStat {
    return super.stat(this.#root + path);
  }

  override rename(from: string, to: string): void {
    super.rename(this.#root + from, this.#root + to);
  }

  override link(from: string, to: string): void {
    super.link(this.#root + from, this.#root + to);
  }

  override unlink(path: string): void {
    super.unlink(this.#root + path);
  }

  override syncDirectory(path: string, barrier: Barrier): void {
    super.syncDirectory(this.#root + path, barrier);
  }

  override lock(path: string): Lock {
    return super.lock(this.#root + path);
  }
}
