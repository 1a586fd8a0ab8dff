// Goals of shrinking that concern crashes: fewer of them, and less lost in each.

import type { CrashOp, Op, Survival } from "./op.ts";
import type { Shrinker } from "./shrink-state.ts";

/** All but the last crash at once; one by one they were left out as operations. */
export async function fewerCrashes(shrinker: Shrinker): Promise<void> {
  const last = shrinker.ops.findLast((op) => op.kind === "crash");
  const rest = shrinker.ops.filter((op) => op.kind !== "crash" || op === last);
  if (rest.length < shrinker.ops.length) await shrinker.try(rest);
}

/** Everything survives; else one item more, whole and as it was written last, as long as that goes. */
export async function fewerLostItems(shrinker: Shrinker): Promise<void> {
  for (const { id } of shrinker.ops.filter((op) => op.kind === "crash")) {
    if (survivalOf(shrinker, id)?.kind === "all" || (await trySurvival(shrinker, id, { kind: "all" }))) continue;
    await loseFewer(shrinker, id);
    await keepMore(shrinker, id);
  }
}

// A list of what is lost: shorter.
async function loseFewer(shrinker: Shrinker, id: number): Promise<void> {
  let survival = survivalOf(shrinker, id);
  if (survival?.kind !== "lose") return;
  for (const item of survival.items) {
    const items: readonly string[] = survival.items.filter((other) => other !== item);
    if (await trySurvival(shrinker, id, { kind: "lose", items })) survival = { kind: "lose", items };
  }
}

// A list of what is kept: what else was pending is added to it; then it says what is lost, if that is shorter.
async function keepMore(shrinker: Shrinker, id: number): Promise<void> {
  let survival = survivalOf(shrinker, id);
  if (survival?.kind === "none") survival = { kind: "keep", items: [] };
  if (survival?.kind !== "keep") return;
  let kept: readonly string[] = survival.items;
  const keep = async (items: readonly string[]): Promise<void> => {
    if (await trySurvival(shrinker, id, { kind: "keep", items })) kept = items;
  };
  for (const item of kept) {
    const role = roleOf(item);
    if (role !== item) await keep(kept.map((other) => (other === item ? role : other)));
  }
  const last = shrinker.ops.findLast((op) => op.kind === "crash");
  if (last?.id !== id) return;
  const pending = await shrinker.pending();
  for (const role of pending) if (!kept.some((item) => roleOf(item) === role)) await keep([...kept, role]);
  const lost = pending.filter((role) => !kept.includes(role));
  const isPlain = kept.every((item) => roleOf(item) === item);
  if (isPlain && lost.length > 0 && lost.length < kept.length) {
    await trySurvival(shrinker, id, { kind: "lose", items: lost });
  }
}

/** An item without the version and the sectors that survived of it (crash/address.ts). */
function roleOf(item: string): string {
  return item.replace(/(?:@-\d+)?(?:~[0-9a-f]+)?$/, "");
}

function survivalOf(shrinker: Shrinker, id: number): Survival | undefined {
  return shrinker.ops.find((op): op is CrashOp => op.kind === "crash" && op.id === id)?.survival;
}

async function trySurvival(shrinker: Shrinker, id: number, survival: Survival): Promise<boolean> {
  const ops = shrinker.ops.map((op): Op => (op.kind === "crash" && op.id === id ? { ...op, survival } : op));
  return shrinker.tryExactly(ops);
}
