// A quick key of an image, for those who meet a million of them: what CURRENT leads to stands in it by name and content,
// the rest by kind and number, two standing for more. Equal quick keys mean equal canonical keys of the kind "counted"
// (canonical-image.ts); the reverse does not hold.

import type { FileContent } from "../disk/image.ts";
import { FormatProblem } from "./byte-source.ts";
import { logFacts, manifestFacts } from "./content-facts.ts";
import { decodeCurrent, storeFileName, type StoreFileKind } from "./store-names.ts";

/** The files of an image, by place. */
export interface FileList {
  /** Equal for equal paths and directories. */
  readonly id: number;
  readonly paths: readonly string[];
  readonly directories: readonly string[];
}

interface PlacedFile {
  readonly place: number;
  readonly kind: StoreFileKind | "other";
  readonly number: number;
  /** What it begins with in a key: the number of its path. */
  readonly word: string;
}

interface Listing {
  /** What a key begins with: the number of its directories, and a letter that no other key of images begins with. */
  readonly word: string;
  readonly files: readonly PlacedFile[];
  readonly current: number;
  readonly manifests: ReadonlyMap<number, number>;
}

/** What a manifest needs; undefined: it cannot be read. */
interface Roots {
  readonly logNumber: number;
  readonly tables: ReadonlySet<number>;
}

const ORPHANS_COUNTED_MAX = 2;

export class ReachableKeys {
  readonly #root: string;
  readonly #listings = new Map<number, Listing>();
  /** Of paths, and of lists of directories: keys are looked up a million times, and short ones faster. */
  readonly #numbers = new Map<string, number>();
  readonly #roots = new WeakMap<FileContent, Roots | "unreadable">();
  readonly #currents = new WeakMap<FileContent, number>();

  constructor(root: string) {
    this.#root = `${root}/`;
  }

  /** Undefined: CURRENT or its manifest cannot be read. contents[i] stands under list.paths[i]. */
  keyOf(list: FileList, contents: readonly FileContent[]): string | undefined {
    const listing = this.#listingOf(list);
    const current = contents[listing.current];
    if (!current) return undefined;
    const manifest = this.#manifestNumber(current);
    const place = listing.manifests.get(manifest);
    if (place === undefined) return undefined;
    const roots = this.#rootsOf(contents[place]!, manifest);
    if (roots === "unreadable") return undefined;
    const orphans = { table: 0, log: 0, manifest: 0, temporary: 0 };
    let key = listing.word;
    for (const file of listing.files) {
      const orphan = orphanKind(file, contents[file.place]!, { manifest, roots });
      if (orphan) orphans[orphan]++;
      else if (file.kind !== "lock") key += `${file.word}${contents[file.place]!.id},`;
    }
    const counts = [orphans.table, orphans.log, orphans.manifest, orphans.temporary];
    return key + counts.map((count) => Math.min(count, ORPHANS_COUNTED_MAX)).join(",");
  }

  #listingOf({ id, paths, directories }: FileList): Listing {
    const known = this.#listings.get(id);
    if (known) return known;
    const files = paths.map((path, place): PlacedFile => {
      const named = path.startsWith(this.#root) ? storeFileName(path.slice(this.#root.length)) : undefined;
      const word = `${this.#numberOf(path)}=`;
      return { place, kind: named?.kind ?? "other", number: named?.number ?? 0, word };
    });
    const current = files.findIndex(({ kind }) => kind === "current");
    const manifests = new Map(
      files.filter(({ kind }) => kind === "manifest").map(({ number, place }) => [number, place]),
    );
    const listing = { word: `r${this.#numberOf(directories.join("\n"))}:`, files, current, manifests };
    this.#listings.set(id, listing);
    return listing;
  }

  #numberOf(text: string): number {
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }

  #manifestNumber(current: FileContent): number {
    let number = this.#currents.get(current);
    if (number === undefined) {
      try {
        number = decodeCurrent(current.bytes);
      } catch (error) {
        if (!(error instanceof FormatProblem)) throw error;
        number = 0; // no file has it
      }
      this.#currents.set(current, number);
    }
    return number;
  }

  #rootsOf(content: FileContent, number: number): Roots | "unreadable" {
    let roots = this.#roots.get(content);
    if (roots === undefined) {
      const { state } = manifestFacts(content, number);
      roots = state
        ? { logNumber: state.logNumber, tables: new Set(state.tables.map((table) => table.number)) }
        : "unreadable";
      this.#roots.set(content, roots);
    }
    return roots;
  }
}

function orphanKind(
  { kind, number }: PlacedFile,
  content: FileContent,
  { manifest, roots }: { readonly manifest: number; readonly roots: Roots },
): "table" | "log" | "manifest" | "temporary" | undefined {
  if (kind === "table") return roots.tables.has(number) ? undefined : kind;
  if (kind === "log") return number >= roots.logNumber && !isHollow(content, number) ? undefined : kind;
  if (kind === "manifest") return number === manifest ? undefined : kind;
  return kind === "temporary" ? kind : undefined;
}

// A log that holds nothing, whatever its bytes.
function isHollow(content: FileContent, number: number): boolean {
  const { header, promise } = logFacts(content, number);
  return header === undefined && promise === undefined;
}
