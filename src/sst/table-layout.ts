import type { ReadFlags } from "./table-blocks.ts";
import { BlockName, FOOTER_BYTES, TRAILER_BYTES } from "./table-format.ts";
import type { TableParts } from "./table-parts.ts";

/** A block, or the footer, and where it lies; the length is without the trailer. */
export interface BlockPlace {
  readonly kind: string;
  readonly offset: number;
  readonly length: number;
}

/** The parts of a table in the order of the file. Index partitions are read as they come. */
export function* layoutOf(parts: TableParts, flags: ReadFlags): Generator<BlockPlace> {
  for (let number = 0; number < parts.blocks.indexCount; number++) {
    const index = parts.blocks.index(number, flags);
    for (let entry = 0; entry < index.count; entry++)
      yield { kind: "data", offset: index.offsets[entry]!, length: index.lengths[entry]! };
  }
  yield* tailLayout(parts);
}

/** The parts behind the data blocks. */
export function tailLayout({ blocks, footer, handles, file }: TableParts): BlockPlace[] {
  const places: BlockPlace[] = [];
  if (blocks.top.level === 1) {
    for (let i = 0; i < blocks.top.count; i++)
      places.push({ kind: "index", offset: blocks.top.offsets[i]!, length: blocks.top.lengths[i]! });
  }
  for (const [name, handle] of handles) {
    const kind = name === BlockName.index && blocks.top.level === 1 ? "top index" : name;
    places.push({ kind, offset: handle.offset, length: handle.length });
  }
  places.push({ kind: "metaindex", ...footer.metaindex });
  places.push({ kind: "footer", offset: file.size - FOOTER_BYTES, length: FOOTER_BYTES });
  return places.sort((a, b) => a.offset - b.offset);
}

/** Where what follows `place` must start. */
export function endOf(place: BlockPlace): number {
  return place.offset + place.length + (place.kind === "footer" ? 0 : TRAILER_BYTES);
}
