import { Random } from "tinykv/harness";
import { expect, test } from "vitest";
import { judge, medianRound, moreRounds, type Round } from "./decide.ts";

const TRIALS = 1000;
const ROUNDS = 10;

/** A measurement: its true time, a few percent of noise, and one in ten disturbed by something else on the machine. */
function measurement(time: number, noise: number, random: Random): number {
  let sum = 0;
  for (let i = 0; i < 12; i++) sum += random.int(1 << 20) / (1 << 20);
  const disturbed = random.chance(1, 10) ? 1 + random.int(500) / 1000 : 1;
  return time * Math.exp(noise * (sum - 6)) * disturbed;
}

/** What drifts in the machine meets all three of a round. */
function round(slowdown: number, noise: number, random: Random): Round {
  const drift = 1 + random.int(300) / 1000;
  const draw = (time: number): number => measurement(time * drift, noise, random);
  return { base: draw(1000), again: draw(1000), candidate: draw(1000 * slowdown) };
}

/** As regress does it. */
function isSlower(slowdown: number, noise: number, random: Random): boolean {
  const rounds: Round[] = [];
  for (let more = ROUNDS; more > 0; more = moreRounds(rounds, ROUNDS)) {
    for (let i = 0; i < more; i++) rounds.push(round(slowdown, noise, random));
  }
  return judge(rounds).is === "slower";
}

function countSlower(slowdown: number, noise: number, seed: string): { suspected: number; confirmed: number } {
  const random = new Random(seed);
  let [suspected, confirmed] = [0, 0];
  for (let trial = 0; trial < TRIALS; trial++) {
    if (!isSlower(slowdown, noise, random)) continue;
    suspected++;
    if (isSlower(slowdown, noise, random)) confirmed++;
  }
  return { suspected, confirmed };
}

test.each(["0.005", "0.02", "0.04", "0.08"])(
  "of 1000 identical builds at most 4 are suspected under noise of %s, and none is after the second look",
  (noise) => {
    const { suspected, confirmed } = countSlower(1, Number(noise), `same ${noise}`);
    expect(suspected).toBeLessThanOrEqual(4);
    expect(confirmed).toBe(0);
  },
);

test.each(["0.005", "0.02", "0.04"])(
  "of 1000 builds that are slower by 15 per cent 995 are found under noise of %s",
  (noise) => {
    expect(countSlower(1.15, Number(noise), `slow ${noise}`).confirmed).toBeGreaterThanOrEqual(995);
  },
);

test("a build that is faster is never called slower", () => {
  expect(countSlower(0.85, 0.02, "fast")).toEqual({ suspected: 0, confirmed: 0 });
});

test("without any noise the band is 3 %: 2.9 are the same, 3.2 are not", () => {
  const exact = (candidate: number): Round[] => Array.from({ length: 5 }, () => ({ base: 1, again: 1, candidate }));
  expect(judge(exact(1.029)).is).toBe("same");
  expect(judge(exact(1.032)).is).toBe("slower");
  expect(judge(exact(0.96)).is).toBe("faster");
});

test("a round of many has the median of their changes, whatever drifted between them", () => {
  const short = [1, 2, 40].map((drift) => ({ base: 100 * drift, again: 110 * drift, candidate: 130 * drift }));
  const disturbed = { base: 100, again: 900, candidate: 100 };
  const { base, again, candidate } = medianRound([...short, disturbed]);
  expect(again / base).toBeCloseTo(1.1, 6);
  expect(candidate / base).toBeCloseTo(1.3, 6);
});

test("quiet rounds are enough as asked for; wild ones are made up to three times as many", () => {
  const random = new Random("rounds");
  const quiet = Array.from({ length: ROUNDS }, () => ({ base: 1, again: 1, candidate: 1 }));
  expect(moreRounds(quiet, ROUNDS)).toBe(0);
  expect(moreRounds(quiet.slice(1), ROUNDS)).toBe(1);
  const wild: Round[] = Array.from({ length: 28 }, () => round(1, 0.5, random));
  expect(moreRounds(wild.slice(0, ROUNDS), ROUNDS)).toBe(5);
  expect(moreRounds(wild, ROUNDS)).toBe(2);
});
