// Which open file a number means, in which process: threads share a table, a forked child has a copy of its parent's, and
// a new program loses what closes on exec. A file is open as long as any of them has it.

interface Entry<T> {
  readonly open: T;
  readonly closesOnExec: boolean;
}

type Table<T> = Map<number, Entry<T>>;

/** Threads and processes by their numbers, as strace has them. */
export class DescriptorTables<T> {
  readonly #tables = new Map<number, Table<T>>();
  /** Of threads whose beginning was not seen: they are of the process that was there first. */
  readonly #first: Table<T> = new Map();

  get(thread: number, fd: number): T | undefined {
    return this.#of(thread).get(fd)?.open;
  }

  set(thread: number, fd: number, open: T, closesOnExec: boolean): void {
    this.#of(thread).set(fd, { open, closesOnExec });
  }

  /** Of the numbers from the first to the last. */
  setClosesOnExec(thread: number, first: number, last: number, closesOnExec: boolean): void {
    const table = this.#of(thread);
    for (const [fd, { open }] of table) if (fd >= first && fd <= last) table.set(fd, { open, closesOnExec });
  }

  /** Forgets the numbers from the first to the last; returns what is open nowhere any longer. */
  delete(thread: number, first: number, last: number = first): T[] {
    return this.#deleteIf(thread, (fd) => fd >= first && fd <= last);
  }

  /** A child begins, as a thread of its parent's process or as a process of its own. */
  begin(parent: number, child: number, isThread: boolean): void {
    const table = this.#of(parent);
    this.#tables.set(child, isThread ? table : new Map(table));
  }

  /** Another program begins in a process, whose other threads end; returns what is open nowhere any longer. */
  execute(thread: number): T[] {
    return this.#deleteIf(thread, (_, { closesOnExec }) => closesOnExec);
  }

  /** The end of a process; returns what is open nowhere any longer. */
  end(thread: number): T[] {
    return this.#deleteIf(thread, () => true);
  }

  #deleteIf(thread: number, isDeleted: (fd: number, entry: Entry<T>) => boolean): T[] {
    const table = this.#of(thread);
    const deleted = new Set<T>();
    for (const [fd, entry] of table) {
      if (!isDeleted(fd, entry)) continue;
      table.delete(fd);
      deleted.add(entry.open);
    }
    return [...deleted].filter((open) => !this.#isOpen(open));
  }

  #isOpen(open: T): boolean {
    return [this.#first, ...new Set(this.#tables.values())].some((table) =>
      [...table.values()].some((entry) => entry.open === open),
    );
  }

  #of(thread: number): Table<T> {
    return this.#tables.get(thread) ?? this.#first;
  }
}
