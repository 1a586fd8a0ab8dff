// Makes an input smaller while it goes on showing what it shows: stretches are left out, half of it first, then quarters, down
// to single bytes; then bytes become zero; and all of it again until nothing gets smaller: the smallest input stays as it is.

/** Tries more than this are not worth it: findings are short already. */
const TRIES_MAX = 4000;

export function shrinkInput(
  bytes: Uint8Array,
  shows: (bytes: Uint8Array) => boolean,
  triesMax: number = TRIES_MAX,
): Uint8Array {
  let best = bytes;
  let tries = 0;
  const accept = (candidate: Uint8Array): boolean => {
    if (tries >= triesMax) return false;
    tries++;
    if (!shows(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let before: Uint8Array | undefined; best !== before && tries < triesMax;) {
    before = best;
    for (let step = Math.max(1, best.length >> 1); ; step >>= 1) {
      for (let at = 0; at < best.length;) if (!accept(without(best, at, at + step))) at += step;
      if (step <= 1) break;
    }
    for (let at = 0; at < best.length; at++) if (best[at] !== 0) accept(zeroed(best, at));
  }
  return best;
}

function zeroed(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = 0;
  return changed;
}

/** `bytes` but for those from `from` to `to`, which may lie behind the end. */
export function without(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const rest = new Uint8Array(bytes.length - (Math.min(to, bytes.length) - from));
  rest.set(bytes.subarray(0, from));
  rest.set(bytes.subarray(to), from);
  return rest;
}
