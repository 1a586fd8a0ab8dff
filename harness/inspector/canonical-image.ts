// Images that differ in nothing but names, as one: file numbers become their rank among all numbers of the image, tags and
// database ids the order in which they first occur, creation times nothing. Then a recovery that was cut short leaves
// images that have been seen before, and the search for crash images ends.
//
// Equal keys must mean stores that behave alike, so whatever cannot be read contributes its bytes, and what is not
// renamed its value. The rank keeps which of two numbers is greater and which are equal, all that a store asks of them.

import { hash } from "node:crypto";
import { contentHash, type FileContent, type Image } from "../disk/image.ts";
import { familyOf, FormatProblem } from "./byte-source.ts";
import { constantTemplate, rawTemplate, type SizeOf, type Template } from "./content-template.ts";
import { logTemplate, manifestTemplate } from "./log-template.ts";
import { decodeCurrent, lostName, storeFileName } from "./store-names.ts";
import { tableTemplate } from "./table-template.ts";

/**
 * What nothing reachable from CURRENT needs: tables outside the manifest's state, logs below its log number, other
 * manifests, CURRENT.tmp. "whole": they contribute as all files do. "counted": how many of a kind there are (2 are as
 * good as more) is all that is told, of those that tables list as obsolete too.
 */
export type Orphans = "whole" | "counted";

type PlaceKind = "current" | "temporary" | "lock" | "manifest" | "log" | "table" | "lost" | "foreign";

interface Place {
  readonly kind: PlaceKind;
  readonly number: number;
  /** What tells files of one kind and number apart: the path of a foreign one, the offset of a lost one. */
  readonly rest: string;
}

/** A file of an image, and what it contributes. */
interface Part {
  readonly place: Place;
  readonly content: FileContent;
  readonly template: Template;
}

const LOCK = constantTemplate("LOCK");

/** Keys of images; what contents contribute is worked out once for each. */
export class Canonicalizer {
  readonly #templates = new WeakMap<FileContent, Map<Place, Template>>();
  readonly #hashes = new WeakMap<FileContent, string>();
  /** By root and path; a path has one place for good, so that places may be keys. */
  readonly #places = new Map<string, Map<string, Place>>();

  /** Equal for images that differ only in names. */
  keyOf(image: Image, root: string, orphans: Orphans): string {
    const parts = this.#parts(image, root);
    const manifest = namedManifest(parts);
    const text = manifest === "unreadable" ? this.#rawText(parts) : new KeyText(parts, manifest, orphans).text();
    return hash("sha1", `${image.directories.join("\n")}\0${text}`, "binary");
  }

  #parts(image: Image, root: string): Part[] {
    let places = this.#places.get(root);
    if (!places) this.#places.set(root, (places = new Map()));
    const parts: Part[] = [];
    for (const [path, content] of image.files) {
      let place = places.get(path);
      if (!place) places.set(path, (place = placeOf(path, root)));
      parts.push({ place, content, template: this.#template(place, content) });
    }
    return parts.sort(byNumber);
  }

  #template(place: Place, content: FileContent): Template {
    if (place.kind === "lock") return LOCK;
    let byPlace = this.#templates.get(content);
    if (!byPlace) this.#templates.set(content, (byPlace = new Map()));
    let template = byPlace.get(place);
    if (!template) byPlace.set(place, (template = makeTemplate(place, content.bytes)));
    return template;
  }

  // No structure: files under their names.
  #rawText(parts: readonly Part[]): string {
    let text = "raw";
    for (const { place, content } of parts)
      text += `\n${place.kind} ${place.number} ${place.rest} ${place.kind === "lock" ? "" : this.#hash(content)}`;
    return text;
  }

  #hash(content: FileContent): string {
    let known = this.#hashes.get(content);
    if (known === undefined) this.#hashes.set(content, (known = contentHash(content.bytes)));
    return known;
  }
}

function placeOf(path: string, root: string): Place {
  if (!path.startsWith(`${root}/`)) return { kind: "foreign", number: 0, rest: JSON.stringify(path) };
  const name = path.slice(root.length + 1);
  const lost = name.startsWith("lost/") ? lostName(name.slice(5)) : undefined;
  if (lost) return { kind: "lost", number: lost.number, rest: `${lost.kind} ${lost.offset}` };
  const known = storeFileName(name);
  return known ? { ...known, rest: "" } : { kind: "foreign", number: 0, rest: JSON.stringify(path) };
}

function makeTemplate({ kind, number }: Place, bytes: Uint8Array): Template {
  switch (kind) {
    case "log":
      return logTemplate(bytes, number);
    case "manifest":
      return manifestTemplate(bytes, number);
    case "table":
      return tableTemplate(bytes, number);
    case "current":
    case "temporary":
      return currentTemplate(bytes);
    default:
      return rawTemplate(bytes, "");
  }
}

function currentTemplate(bytes: Uint8Array): Template {
  try {
    return constantTemplate("CURRENT", [decodeCurrent(bytes)]);
  } catch (error) {
    if (error instanceof FormatProblem) return rawTemplate(bytes, "");
    throw error;
  }
}

// By number as a number, which renaming keeps; the image's own order is that of paths.
function byNumber(a: Part, b: Part): number {
  const [p, q] = [a.place, b.place];
  if (p.number !== q.number) return p.number - q.number;
  if (p.kind !== q.kind) return p.kind < q.kind ? -1 : 1;
  return p.rest < q.rest ? -1 : p.rest > q.rest ? 1 : 0;
}

/** The manifest that CURRENT names; undefined: there is no store, at most the remains of a create. */
function namedManifest(parts: readonly Part[]): Part | "unreadable" | undefined {
  const current = parts.find((part) => part.place.kind === "current");
  if (!current) {
    const lost = parts.some(({ place: { kind } }) => kind === "table" || kind === "log" || kind === "lost");
    return lost ? "unreadable" : undefined;
  }
  const [number] = current.template.numbers;
  const manifest = parts.find(({ place }) => place.kind === "manifest" && place.number === number);
  return manifest?.template.roots ? manifest : "unreadable";
}

/** The text of one image. */
class KeyText {
  readonly #parts: readonly Part[];
  readonly #manifest: Part | undefined;
  readonly #orphans: Orphans;
  readonly #ranks = new Map<number, number>();
  readonly #names = new Map<number | string, number>();

  constructor(parts: readonly Part[], manifest: Part | undefined, orphans: Orphans) {
    this.#parts = parts;
    this.#manifest = manifest;
    this.#orphans = orphans;
  }

  text(): string {
    const counted = this.#orphans === "counted";
    const told = counted ? this.#parts.filter((part) => this.#isNeeded(part)) : this.#parts;
    this.#rank(told);
    let text = counted ? this.#orphanCounts() : "";
    for (const part of told) text += this.#part(part);
    return text;
  }

  #isNeeded({ place: { kind, number }, template }: Part): boolean {
    const roots = this.#manifest?.template.roots;
    switch (kind) {
      case "table":
        return roots?.tables.has(number) ?? false;
      case "log":
        return roots !== undefined && number >= roots.logNumber && template.hollow !== true;
      case "manifest":
        return number === this.#manifest?.place.number;
      case "temporary":
        return false;
      default:
        return true;
    }
  }

  #orphanCounts(): string {
    const counts = { table: 0, log: 0, manifest: 0, temporary: 0 };
    for (const part of this.#parts) if (!this.#isNeeded(part)) counts[part.place.kind as keyof typeof counts]++;
    return countText(Object.values(counts));
  }

  #rank(parts: readonly Part[]): void {
    const numbers: number[] = [];
    for (const { place, template } of parts) {
      numbers.push(place.number);
      for (const number of template.numbers) numbers.push(number);
      if (this.#orphans === "whole") for (const number of template.obsoleteNumbers) numbers.push(number);
    }
    this.#ranks.set(0, 0); // is no number
    for (const number of numbers.sort((a, b) => a - b))
      if (!this.#ranks.has(number)) this.#ranks.set(number, this.#ranks.size);
  }

  #part({ place, template }: Part): string {
    let text = `\n${place.kind} ${this.#ranks.get(place.number)} ${place.rest} ${template.hash}`;
    for (const number of template.numbers) text += ` ${this.#ranks.get(number)}`;
    for (const tag of template.tags) text += ` ${this.#name(tag)}`;
    for (const id of template.ids) text += ` ${this.#name(familyOf(id))}.${this.#name(id)}`;
    for (const size of template.tableSizes) text += ` ${this.#tableSize(size)}`;
    for (const size of template.manifestSizes) text += ` ${this.#manifestPosition(size)}`;
    if (this.#orphans === "counted") return text + countText([template.obsoleteNumbers.length]);
    for (const number of template.obsoleteNumbers) text += ` ${this.#ranks.get(number)}`;
    for (const tag of template.obsoleteTags) text += ` ${this.#name(tag)}`;
    return text;
  }

  // Tags and ids by first occurrence; tag 0 is no tag.
  #name(key: number | string): number {
    if (key === 0) return -1;
    let name = this.#names.get(key);
    if (name === undefined) this.#names.set(key, (name = this.#names.size));
    return name;
  }

  #tableSize({ number, size }: SizeOf): string {
    const table = this.#parts.find(({ place }) => place.number === number && place.kind === "table");
    return table?.content.size === size ? "=" : `${size}`;
  }

  // A CLEAN END that names another manifest than CURRENT does says nothing by the size it gives.
  #manifestPosition({ number, size }: SizeOf): string {
    if (number !== this.#manifest?.place.number) return "-";
    const record = this.#manifest.template.roots!.boundaries.get(size);
    return record === undefined ? `${size}` : `r${record}`;
  }
}

// Nothing for none: then both ways of treating orphans give the same key.
function countText(counts: readonly number[]): string {
  return counts.some((count) => count > 0) ? ` ~${counts.map((count) => Math.min(count, 2))}` : "";
}
