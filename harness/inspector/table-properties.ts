import { ByteSource, comparatorName, databaseIdOf, FormatProblem } from "./byte-source.ts";
import { readInternalKey, type InternalKey } from "./edit-framing.ts";

/** A file as properties name it; tag 0 is unknown. */
export interface FileReference {
  readonly number: number;
  readonly tag: number;
}

export interface TableProperties {
  readonly databaseId: string;
  readonly fileNumber: number;
  readonly tag: number;
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly creationTime: number;
  readonly comparatorName: string;
  readonly entries: number;
  readonly deletes: number;
  readonly rangeDeletes: number;
  readonly rawKeyBytes: number;
  readonly rawValueBytes: number;
  readonly leastSequence: number;
  readonly greatestSequence: number;
  readonly smallest: InternalKey;
  readonly largest: InternalKey;
  readonly filter: number;
  readonly dataBlocks: number;
  readonly inputs: readonly FileReference[];
  readonly obsolete: readonly FileReference[];
  readonly logNumber: number;
  /** Of later versions, passed over. */
  readonly unknown: readonly { readonly tag: number; readonly bytes: Uint8Array }[];
}

const NUMBERS = [
  "databaseId",
  "fileNumber",
  "tag",
  "epoch",
  "creationTime",
  "comparatorName",
  "entries",
  "deletes",
  "rangeDeletes",
  "rawKeyBytes",
  "rawValueBytes",
  "leastSequence",
  "greatestSequence",
  "smallest",
  "largest",
  "filter",
  "dataBlocks",
  "inputs",
  "obsolete",
  "logNumber",
] as const satisfies readonly (keyof TableProperties)[];

type Name = (typeof NUMBERS)[number];

/** The properties block between two offsets of a file. Throws FormatProblem. */
export function readProperties(bytes: Uint8Array, start: number, end: number): TableProperties {
  const source = new ByteSource(bytes, start, end);
  const found = new Map<Name, unknown>();
  const unknown: { tag: number; bytes: Uint8Array }[] = [];
  while (source.left > 0) {
    const at = source.offset;
    const tag = source.varint();
    const value = source.lp();
    const name = tag % 2 === 0 ? NUMBERS[tag / 2 - 1] : undefined;
    if (name === undefined) {
      if (tag % 2 === 0) throw new FormatProblem(at, `unknown property ${tag}`, true);
      unknown.push({ tag, bytes: value });
      continue;
    }
    if (found.has(name)) throw new FormatProblem(at, `property ${name} twice`);
    found.set(name, readValue(name, new ByteSource(bytes, source.offset - value.length, source.offset)));
  }
  for (const name of NUMBERS) if (!found.has(name)) throw new FormatProblem(start, `no property ${name}`);
  return { ...(Object.fromEntries(found) as unknown as Omit<TableProperties, "unknown">), unknown };
}

function readValue(name: Name, source: ByteSource): unknown {
  const start = source.offset;
  if (name === "databaseId") return databaseIdOf(source.rest(), start);
  if (name === "comparatorName") return comparatorName(source.rest(), start);
  const value =
    name === "smallest" || name === "largest"
      ? readInternalKey(source)
      : name === "inputs" || name === "obsolete"
        ? readReferences(source)
        : source.varint();
  source.demandEnd();
  return value;
}

function readReferences(source: ByteSource): FileReference[] {
  const references: FileReference[] = [];
  for (let count = source.varint(); count > 0; count--)
    references.push({ number: source.varint(), tag: source.varint() });
  return references;
}
