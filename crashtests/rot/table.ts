// The table of outcomes, as text.

import { sum, type TallyRow } from "./campaign.ts";
import { DAMAGE_KINDS } from "./damage.ts";
import { SUBJECT_NAMES } from "./subject.ts";
import { MODES, OUTCOMES } from "./trial.ts";

const COLUMNS = [...OUTCOMES, "wrong"] as const;

/** A line for each store and way to open it, then one for each kind of damage and file, then all together. */
export function outcomeTable(rows: readonly TallyRow[]): string {
  const order = ({ subject, mode, damage }: TallyRow): number =>
    (SUBJECT_NAMES.indexOf(subject) * MODES.length + MODES.findIndex((one) => one === mode)) * DAMAGE_KINDS.length +
    DAMAGE_KINDS.indexOf(damage);
  const sorted = [...rows].sort((a, b) => order(a) - order(b));
  const byWay = grouped(sorted, ({ subject, access, mode }) => `${subject}, ${access}, ${mode}`);
  const byDamage = grouped(
    sorted.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0)),
    ({ damage, file }) => `${file}, ${damage}`,
  );
  const all = grouped(rows, () => "all");
  const width = Math.max(...[...byWay, ...byDamage].map(([name]) => name.length));
  const line = (name: string, cells: readonly string[]): string =>
    [name.padEnd(width), ...cells.map((cell) => cell.padStart(13))].join("");
  const lines = (groups: ReadonlyMap<string, TallyRow["outcomes"]>): string[] =>
    [...groups].map(([name, outcomes]) =>
      line(
        name,
        COLUMNS.map((column) => String(outcomes[column] ?? 0)),
      ),
    );
  return [line("", COLUMNS), ...lines(byWay), "", ...lines(byDamage), "", ...lines(all)].join("\n");
}

function grouped(rows: readonly TallyRow[], nameOf: (row: TallyRow) => string): Map<string, TallyRow["outcomes"]> {
  const groups = new Map<string, TallyRow["outcomes"]>();
  for (const row of rows) groups.set(nameOf(row), sum(groups.get(nameOf(row)) ?? {}, row.outcomes));
  return groups;
}
