// Where names without a directory are looked up, in which process: a thread has its process's place, a child begins at its
// parent's. strace tells it beside each AT_FDCWD, and chdir() with its own words.

import { descriptorOf } from "./system-calls.ts";

interface Place {
  path: string;
}

export class WorkingDirectories {
  readonly #places = new Map<number, Place>();
  /** Of threads whose beginning was not seen: they are of the process that was there first. */
  readonly #first: Place = { path: "/" };

  of(thread: number): string {
    return this.#of(thread).path;
  }

  set(thread: number, path: string | undefined): void {
    if (path !== undefined) this.#of(thread).path = path;
  }

  /** A word of a call that may tell it. */
  see(thread: number, word: string): void {
    if (word.startsWith("AT_FDCWD<")) this.set(thread, descriptorOf(word).path);
  }

  begin(parent: number, child: number, isShared: boolean): void {
    const place = this.#of(parent);
    this.#places.set(child, isShared ? place : { ...place });
  }

  #of(thread: number): Place {
    return this.#places.get(thread) ?? this.#first;
  }
}
