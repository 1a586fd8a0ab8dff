// Reading what can be read of a possibly damaged table. salvage-parts.ts finds what the table says of itself, the index
// leads to the data blocks, and where there is no index, or a part of it is damaged, block-search.ts looks for them.
//
// What a damaged block held can be told only as far as its neighbours tell: its keys lie behind the separator before it
// and not behind its own. A separator that is an entry's key itself may have versions in the next block; then the
// separator before that, of a smaller key, is the bound.

import { KeyOrder } from "../common/comparator.ts";
import { ioError } from "../common/errors.ts";
import { ByteReader } from "../common/byte-reader.ts";
import { Kind } from "../common/internal-key.ts";
import type { FileHandle } from "../util/env.ts";
import { readFully } from "../util/file-io.ts";
import { BlockFile, type TableSource } from "./block-file.ts";
import { BlockSearch } from "./block-search.ts";
import { BloomFilter } from "./bloom-filter.ts";
import { DataWalk, readIndex, type SalvageGap, type SalvageProblem, type SalvageVisitor } from "./data-walk.ts";
import type { IndexBlock } from "./index-block.ts";
import { decodeProperties } from "./properties.ts";
import { decodeRangeDeletes } from "./range-deletes.ts";
import { attempt, footerAtEnd, footerInside, metaindexBeforeFooter, searchProperties } from "./salvage-parts.ts";
import { endOf, type BlockPlace } from "./table-layout.ts";
import {
  BlockName,
  decodeMetaindex,
  FOOTER_BYTES,
  type BlockHandle,
  type Footer,
  type TableProperties,
} from "./table-format.ts";

export type { SalvageGap, SalvageProblem, SalvageVisitor } from "./data-walk.ts";

/** Looked at for range deletes that no metaindex leads to: hundreds of thousands of ranges. */
const RANGES_BYTES_MOST = 16 << 20;

/** What can be read of a table. */
export interface SalvagedTable {
  /** Undefined if it cannot be read. It may name another file number than the file's name does: that is a problem. */
  readonly footer: Footer | undefined;
  /** Undefined if they cannot be read. Tag and file number are the footer's, or a problem says that they are not. */
  readonly properties: TableProperties | undefined;
  /** The tag that blocks were verified with; 0 = unknown, no block can be read. */
  readonly tag: number;
  /** How data blocks are found: by the index, by the parts of it that can be read, or by looking at every byte. */
  readonly method: "index" | "part of the index" | "search";
  /** True if every block was read and verified; false before `visit`. */
  readonly isWhole: boolean;
  /** Damaged ranges of the file, in order. Complete only once `visit` has run. */
  readonly problems: readonly SalvageProblem[];
  /** The blocks that were read, in order. Complete only once `visit` has run. */
  readonly places: readonly BlockPlace[];
  /**
   * Calls back every entry of every readable data block and range-delete block in file order; damaged blocks are listed in
   * `problems`. A block is checked whole before its first entry is called back. Throws IO_ERROR.
   */
  visit(entry: SalvageVisitor): void;
  /** Key gaps that damaged data blocks leave, as far as is known; from `visit`. */
  readonly gaps: readonly SalvageGap[];
}

export interface SalvageOptions {
  /** Stays the caller's. */
  readonly file: FileHandle;
  /** The file's name inside the store directory, for problems. */
  readonly name: string;
  /** The number that the file's name says. */
  readonly number: number;
  /** A table that names another comparator is read all the same, entry after entry, unordered. */
  readonly order: KeyOrder;
  /** Where the footer is unreadable: the one that a manifest knows. */
  readonly tag?: number;
}

/**
 * Reads what a table says of itself, to be visited then. Bad bytes are never thrown: they are `problems`. Throws
 * FORMAT_UNSUPPORTED for a footer that is intact and asks for a newer version, IO_ERROR.
 */
export function salvageTable(options: SalvageOptions): SalvagedTable {
  return new Salvage(options);
}

class Salvage implements SalvagedTable {
  readonly footer: Footer | undefined;
  readonly properties: TableProperties | undefined;
  readonly #file: BlockFile;
  readonly #order: KeyOrder;
  readonly #handles: ReadonlyMap<string, BlockHandle> | undefined;
  readonly #top: IndexBlock | undefined;
  // What the constructor found; what visit() finds is made anew each time.
  readonly #tailProblems: SalvageProblem[] = [];
  readonly #tailPlaces: BlockPlace[] = [];
  #problems: SalvageProblem[] = [];
  #places: BlockPlace[] = [];
  #gaps: SalvageGap[] = [];
  #visited = false;
  #method: SalvagedTable["method"];

  constructor(options: SalvageOptions) {
    const { name, number } = options;
    const source = sourceOf(options.file);
    this.#file = new BlockFile(source, name, sizeOf(options));
    this.footer = this.#readFooter();
    if (this.footer) this.#file = new BlockFile(source, name, this.footer.size);
    const file = this.#file;
    const found = this.footer ? undefined : searchProperties(file, options.tag);
    file.tag = this.footer?.tag ?? options.tag ?? found?.properties.tag ?? 0;
    if (file.tag === 0) file.tag = new BlockSearch(file).impliedTag(file.size, options.order) ?? 0;
    this.#handles = file.tag === 0 ? undefined : this.#readMetaindex();
    const lostProperties = this.footer && !this.#handles ? searchProperties(file, file.tag) : found;
    this.properties = this.#readProperties(lostProperties?.properties);
    this.#order = orderFor(options.order, this.properties);
    this.#top = this.#readTop();
    this.#readRest();
    this.#checkNumber(number);
    this.#method = this.#top ? "index" : "search";
    if (file.tag === 0) this.#tail(0, file.size, "neither footer nor properties, and no two blocks agree about a tag");
  }

  get tag(): number {
    return this.#file.tag;
  }

  get method(): SalvagedTable["method"] {
    return this.#method;
  }

  get isWhole(): boolean {
    return this.#visited && this.problems.length === 0;
  }

  get problems(): readonly SalvageProblem[] {
    return [...this.#problems, ...this.#tailProblems].sort((a, b) => a.offset - b.offset);
  }

  get places(): readonly BlockPlace[] {
    return [...this.#places, ...this.#tailPlaces].sort((a, b) => a.offset - b.offset);
  }

  get gaps(): readonly SalvageGap[] {
    return this.#gaps;
  }

  visit(entry: SalvageVisitor): void {
    this.#problems = [];
    this.#places = [];
    this.#gaps = [];
    this.#visited = true;
    if (this.#file.tag === 0) {
      this.#gaps.push({ after: undefined, upTo: undefined, bytes: this.#file.size });
      return;
    }
    const walk = new DataWalk(this.#file, this.#order, entry, {
      problem: (problem) => this.#problems.push(problem),
      place: (place) => this.#places.push(place),
      gap: (gap) => this.#gaps.push(gap),
    });
    const end = this.#dataEnd();
    if (this.#top) walk.visitIndex(this.#top, end);
    else {
      walk.search(end, this.properties?.dataBlocks, undefined);
      const isEndTold = this.properties || this.footer || (this.#gaps.length > 0 && !this.#gaps.at(-1)!.upTo);
      if (!isEndTold) walk.tellOpenEnd();
    }
    if (walk.hasSearched && this.#top) this.#method = "part of the index";
    this.#visitRanges(entry, walk.position);
  }

  #readFooter(): Footer | undefined {
    const file = this.#file;
    let problem = "";
    const footer = footerAtEnd(file, (text) => (problem = text));
    if (footer) return footer;
    const at = Math.max(0, file.size - FOOTER_BYTES);
    const inside = footerInside(file);
    if (inside) this.#tail(inside.size, file.size - inside.size, "bytes behind the footer");
    else this.#tail(at, file.size - at, `footer: ${problem}`);
    return inside;
  }

  #readMetaindex(): ReadonlyMap<string, BlockHandle> | undefined {
    const file = this.#file;
    const handle = this.footer ? this.footer.metaindex : metaindexBeforeFooter(file);
    if (!handle) return undefined;
    const { offset, length } = handle;
    return this.#part("metaindex", handle, () =>
      decodeMetaindex(file.readBlock(offset, length, true), offset, file.name),
    );
  }

  #readProperties(elsewhere: TableProperties | undefined): TableProperties | undefined {
    const file = this.#file;
    const handle = this.#handles?.get(BlockName.properties);
    if (!handle) {
      if (this.#handles) this.#tail(file.size, 0, "the metaindex names no properties");
      return elsewhere;
    }
    return this.#part(BlockName.properties, handle, () =>
      decodeProperties(file.readBlock(handle.offset, handle.length, true), handle.offset, file.name),
    );
  }

  #readTop(): IndexBlock | undefined {
    const handle = this.#handles?.get(BlockName.index);
    if (!handle) return undefined;
    const top = this.#part(BlockName.index, handle, () => readIndex(this.#file, this.#order, handle, 0));
    if (top?.level === 1) this.#tailPlaces.push({ ...this.#tailPlaces.pop()!, kind: "top index" });
    return top;
  }

  // Blocks that nothing here rests on: they count for isWhole.
  #readRest(): void {
    const file = this.#file;
    for (const [name, handle] of this.#handles ?? []) {
      if (name === BlockName.properties || name === BlockName.index || name === BlockName.rangeDeletes) continue;
      const { offset, length } = handle;
      this.#part(name, handle, () => {
        const bytes = file.readBlock(offset, length, true);
        if (name === BlockName.filter) BloomFilter.decode(bytes, offset, file.name);
        return true;
      });
    }
    if (this.footer) this.#tailPlaces.push({ kind: "footer", offset: file.size - FOOTER_BYTES, length: FOOTER_BYTES });
  }

  #checkNumber(number: number): void {
    const { footer, properties } = this;
    if (footer && footer.number !== number)
      this.#tail(footer.size - FOOTER_BYTES, FOOTER_BYTES, `the table is number ${footer.number}, not ${number}`);
    const at = this.#handles?.get(BlockName.properties) ?? { offset: 0, length: 0 };
    if (properties && (properties.fileNumber !== (footer?.number ?? number) || properties.tag !== this.tag))
      this.#tail(at.offset, at.length, `the properties are those of table ${properties.fileNumber}`);
  }

  // Range deletes by the metaindex; without one they come right behind the last data block.
  #visitRanges(entry: SalvageVisitor, dataEnd: number): void {
    const file = this.#file;
    const handle = this.#handles?.get(BlockName.rangeDeletes);
    const wanted = this.properties?.rangeDeletes;
    if (handle === undefined && (this.#handles || wanted === 0)) return;
    const at = handle ?? rangesAt(file, this.#order, dataEnd);
    if (at === undefined) {
      if (wanted !== undefined)
        this.#problems.push({ offset: dataEnd, length: 0, problem: `${wanted} range deletes are not found` });
      return;
    }
    const { offset, length } = at;
    const ranges = this.#part(
      BlockName.rangeDeletes,
      at,
      () => decodeRangeDeletes(file.readBlock(offset, length, true), offset, file.name, this.#order),
      this.#problems,
      this.#places,
    );
    for (const { start, end, sequence } of ranges ?? []) entry(start, sequence, Kind.deleteRange, end, offset);
  }

  // Where data blocks end at the latest.
  #dataEnd(): number {
    const file = this.#file;
    let end = this.footer ? this.footer.metaindex.offset : file.size;
    for (const { offset } of this.#handles?.values() ?? []) end = Math.min(end, offset);
    const top = this.#top;
    return top?.level === 1 && top.count > 0 ? Math.min(end, top.offsets[0]!) : end;
  }

  #part<T>(
    kind: string,
    { offset, length }: BlockHandle,
    read: () => T,
    problems: SalvageProblem[] = this.#tailProblems,
    places: BlockPlace[] = this.#tailPlaces,
  ): T | undefined {
    const place = { kind, offset, length };
    const result = attempt(read, (problem) =>
      problems.push({ offset, length: endOf(place) - offset, problem: `${kind}: ${problem}` }),
    );
    if (result !== undefined) places.push(place);
    return result;
  }

  #tail(offset: number, length: number, problem: string): void {
    this.#tailProblems.push({ offset, length, problem });
  }
}

// A table that names another comparator is read in the order in which it lies.
function orderFor(order: KeyOrder, properties: TableProperties | undefined): KeyOrder {
  const name = properties?.comparatorName ?? order.comparator.name;
  return name === order.comparator.name ? order : new KeyOrder({ name, compare: () => -1 });
}

// The range-delete block at `offset`, if there is one: its length is not written, but its trailer verifies.
function rangesAt(file: BlockFile, order: KeyOrder, offset: number): BlockHandle | undefined {
  return attempt(() => {
    const reader = new ByteReader(
      file.read(offset, Math.min(RANGES_BYTES_MOST, file.size - offset)),
      file.name,
      offset,
    );
    for (let count = reader.varint(); count > 0; count--) {
      reader.lengthPrefixed();
      reader.lengthPrefixed();
      reader.varint();
    }
    const handle = { offset, length: reader.position };
    decodeRangeDeletes(file.readBlock(offset, handle.length, true), offset, file.name, order);
    return handle;
  });
}

// A file that becomes shorter while it is read goes on with zeros: they verify nowhere.
function sourceOf(file: FileHandle): TableSource {
  return {
    read(buffer, position) {
      buffer.fill(0, readFully(file, buffer, position));
      return buffer.length;
    },
  };
}

function sizeOf({ file, name }: SalvageOptions): number {
  try {
    return file.size();
  } catch (error) {
    throw ioError(error, `reading ${name}`);
  }
}
