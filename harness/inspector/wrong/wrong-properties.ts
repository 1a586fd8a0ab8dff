// Tables that say of themselves, or of which the manifest says, what is not so.

import type { TableEntry } from "../edit-framing.ts";
import type { BlockRole } from "../table-framing.ts";
import type { TableProperties } from "../table-properties.ts";
import type { Random } from "../../workloads/random.ts";
import type { TablePlan } from "../encode/store-plan.ts";
import { lp, tagged, varint } from "../encode/fields.ts";
import { manifestSaying, saying, withHooks, withShape, withTable, type Spoil, type WrongClass } from "./wrong-class.ts";

type Numeric = {
  [Name in keyof TableProperties]: TableProperties[Name] extends number ? Name : never;
}[keyof TableProperties];

/** Properties and manifest say the same, and it is wrong. */
function says(change: (properties: TableProperties, table: TablePlan) => Partial<TableProperties>): Spoil {
  return (plan, random) => withTable(plan, random, (table) => saying(table, (properties) => change(properties, table)));
}

function manifestSays(change: (table: TablePlan, random: Random) => Partial<TableEntry> | undefined): Spoil {
  return (plan, random) =>
    withTable(plan, random, (table) => {
      const entry = change(table, random);
      return entry && manifestSaying(table, entry);
    });
}

const more = (name: Numeric): WrongClass => ({
  name: `one more than there are: ${name}`,
  condition: name.endsWith("Sequence") ? "C16" : "C15",
  spoil: says((properties) => ({ [name]: properties[name] + 1 })),
});

const less = (name: Numeric): WrongClass => ({
  name: `one less than there are: ${name}`,
  condition: name.endsWith("Sequence") ? "C16" : "C15",
  spoil: says((properties) => ({ [name]: properties[name] - 1 })),
});

const bytesOf = (wanted: BlockRole, change: (bytes: Buffer) => Buffer | undefined): Spoil => {
  return (plan, random) =>
    withTable(plan, random, (table) =>
      wanted === "filter" && table.shape.bloomBitsPerKey === 0
        ? undefined
        : withHooks(table, { block: (role, bytes) => (role === wanted ? change(bytes) : bytes) }),
    );
};

/** What comes just before a key, or just behind it. */
const below = (key: string): string => key.slice(0, -1);
const above = (key: string): string => `${key}\0`;

const BOUNDS: readonly WrongClass[] = [
  {
    name: "a smallest key that is too small",
    condition: "C16",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const [first] = table.shape.versions;
        if (first!.key === "" || isCovered(plan.tables, table, below(first!.key))) return undefined;
        return saying(table, ({ smallest }) => ({ smallest: { ...smallest, key: below(smallest.key) } }));
      }),
  },
  {
    name: "a smallest key that is too great",
    condition: "C16",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const second = table.shape.versions[1];
        return second && saying(table, () => ({ smallest: { ...second } }));
      }),
  },
  {
    name: "a largest key that is too small",
    condition: "C16",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const last = table.shape.versions.at(-2);
        return last && saying(table, () => ({ largest: { ...last } }));
      }),
  },
  {
    name: "a largest key that is too great",
    condition: "C16",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const last = table.shape.versions.at(-1)!;
        if (isCovered(plan.tables, table, above(last.key))) return undefined;
        return saying(table, ({ largest }) => ({ largest: { ...largest, key: above(largest.key) } }));
      }),
  },
  {
    name: "a bound of another sequence number than the entry",
    condition: "C16",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const { versions } = table.shape;
        const other = versions.find(({ sequence }) => sequence !== versions[0]!.sequence);
        return other && saying(table, ({ smallest }) => ({ smallest: { ...smallest, sequence: other.sequence } }));
      }),
  },
  {
    name: "a bound of another kind than the entry",
    condition: "C16",
    spoil: says(({ largest }) => ({ largest: { ...largest, kind: 1 - largest.kind } })),
  },
];

// A key beyond a table's bounds lies in another of its level.
function isCovered(tables: readonly TablePlan[], table: TablePlan, key: string): boolean {
  const others = tables.filter((other) => other !== table && other.level === table.level);
  return others.some(({ shape: { versions } }) => versions[0]!.key <= key && key <= versions.at(-1)!.key);
}

const MANIFEST_LIES: readonly WrongClass[] = (
  [
    ["size", ({ shape }) => ({ size: shape.versions.length })],
    ["tag", ({ shape }) => ({ tag: (shape.tag % 1000) + 1 })],
    ["epoch", ({ shape }) => ({ epoch: shape.epoch + 1000 })],
    ["entries", ({ shape }) => ({ entries: shape.versions.length + 1 })],
    ["deletes", ({ shape }) => ({ deletes: shape.versions.filter(({ kind }) => kind === 0).length + 1 })],
    [
      "smallest key",
      ({ shape: { versions } }) => (versions.length > 1 ? { smallest: { ...versions[1]! } } : undefined),
    ],
    [
      "largest key",
      ({ shape: { versions } }) => (versions.length > 1 ? { largest: { ...versions.at(-2)! } } : undefined),
    ],
    ["least sequence number", ({ shape: { versions } }) => ({ leastSequence: extreme(versions, Math.min) - 1 })],
    ["greatest sequence number", ({ shape: { versions } }) => ({ greatestSequence: extreme(versions, Math.max) - 1 })],
  ] as readonly [string, (table: TablePlan) => Partial<TableEntry> | undefined][]
).map(([what, change]) => ({
  name: `another ${what} in the manifest than in the table`,
  condition: "C15",
  spoil: manifestSays(change),
}));

function extreme(versions: TablePlan["shape"]["versions"], choose: (a: number, b: number) => number): number {
  return versions.map(({ sequence }) => sequence).reduce((a, b) => choose(a, b));
}

export const WRONG_PROPERTIES: readonly WrongClass[] = [
  ...(["entries", "deletes", "rangeDeletes", "rawKeyBytes", "rawValueBytes", "dataBlocks"] as const).map(more),
  less("entries"),
  less("dataBlocks"),
  more("leastSequence"),
  less("leastSequence"),
  more("greatestSequence"),
  less("greatestSequence"),
  ...BOUNDS,
  ...MANIFEST_LIES,
  {
    name: "a filter that the properties do not know",
    condition: "C15",
    spoil: (plan, random) =>
      withTable(plan, random, (table) =>
        table.shape.bloomBitsPerKey === 0 ? undefined : saying(table, () => ({ filter: 0 })),
      ),
  },
  { name: "no filter, though the properties have one", condition: "C15", spoil: bytesOf("filter", () => undefined) },
  {
    name: "properties of another file number than the footer's",
    condition: "C15",
    spoil: says(({ fileNumber }) => ({ fileNumber: fileNumber + 1000 })),
  },
  {
    name: "properties of another tag than the footer's",
    condition: "C15",
    spoil: says(({ tag }) => ({ tag: (tag % 1000) + 1 })),
  },
  {
    name: "a table of another family",
    condition: "C15",
    spoil: says(({ databaseId }) => ({ databaseId: `ffffffff${databaseId.slice(8)}` })),
  },
  {
    name: "a table of another comparator",
    condition: "C15",
    spoil: says(() => ({ comparatorName: "another" })),
  },
  {
    name: "a table with nothing in it",
    condition: "C15",
    spoil: (plan, random) =>
      withTable(plan, random, (table) => {
        const [one] = table.shape.versions;
        const bounds = { smallest: one!, largest: one!, leastSequence: one!.sequence, greatestSequence: one!.sequence };
        const changed = withShape(table, { bloomBitsPerKey: 0 });
        return withHooks(changed, {
          blocks: () => [],
          properties: (properties) => ({ ...properties, ...bounds }),
        });
      }),
  },
  {
    name: "a property twice",
    condition: "C15",
    spoil: bytesOf("properties", (bytes) => Buffer.concat([bytes, tagged(8, varint(1))])),
  },
  {
    name: "an unknown property that must be known",
    condition: "C15",
    spoil: bytesOf("properties", (bytes) => Buffer.concat([bytes, tagged(1000, varint(1))])),
  },
  {
    // The database id is the first of them: 18 bytes.
    name: "a property that is missing",
    condition: "C15",
    spoil: bytesOf("properties", (bytes) => bytes.subarray(18)),
  },
  {
    name: "a name twice in the metaindex",
    condition: "C15",
    spoil: bytesOf("metaindex", (bytes) => {
      const twice = Buffer.concat([bytes, lp(Buffer.from("index")), varint(0), varint(1)]);
      twice[0]!++;
      return twice;
    }),
  },
  {
    name: "a block that the metaindex does not name",
    condition: "C15",
    spoil: bytesOf("metaindex", (bytes) => {
      const renamed = Buffer.from(bytes);
      renamed[renamed.indexOf("index")]! ^= 1;
      return renamed;
    }),
  },
];
