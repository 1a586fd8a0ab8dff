// Is the candidate slower than the base, or is it noise?
//
// A round measures three processes: the base, the base again, and the candidate. From each round come
//
//   change   ln(candidate / √(base × again))     how much slower the candidate was
//   noise    ln(again / base)                    what the same build differs from itself by
//
// If a measurement varies by σ (relative), `noise` varies by √2 σ and `change` by √1.5 σ. σ is estimated from the median
// distance to the middle, which single disturbed rounds cannot move, and from whichever of the two gives more. The median of
// `change` over n rounds then varies by 1.2533 × √1.5 σ / √n, its standard error, and the band is three and a half of those,
// but at least 3 %: smaller changes come and go with the layout of code in memory. Beyond the band is slower.
//
// While the band is wider than 8 %, which a slow-down of 15 % would not be sure to cross, more rounds are made, up to three
// times as many. A verdict "slower" is checked with fresh rounds: only what both find slower is. So a false alarm has to
// happen twice (decide.test.ts states how often it does, on synthetic rounds).

import { medianOf } from "../report/statistics.ts";

/** Of one workload, in one round: nanoseconds an operation. */
export interface Round {
  readonly base: number;
  readonly again: number;
  readonly candidate: number;
}

export interface Verdict {
  /** The median change as a factor of time: 1.15 is 15 % slower. */
  readonly factor: number;
  /** Factors up to this may be noise. */
  readonly band: number;
  /** By what the base differed from itself, as a factor. */
  readonly baseAgain: number;
  readonly is: "same" | "slower" | "faster";
}

/** Changes smaller than this are never told: code layout alone makes them. */
const BAND_LEAST = 0.03;
/** Standard errors in the band: one in some thousand medians of the same build is outside. */
const ERRORS = 3.5;
/** With a wider band more rounds are made, */
const BAND_WANTED = 0.08;
/** up to so many times the rounds asked for. */
const ROUNDS_TIMES = 3;
/** The median distance to the middle of a normal distribution, as a share of its standard deviation, inverted. */
const DEVIATIONS = 1.4826;
/** The standard error of a median, in those of a mean. */
const MEDIAN_ERROR = 1.2533;
const CHANGE_VARIANCE = 1.5;
const NOISE_VARIANCE = 2;

export function judge(rounds: readonly Round[]): Verdict {
  const changes = rounds.map(changeOf);
  const noises = rounds.map(noiseOf);
  const change = medianOf(changes);
  const sigma = Math.max(
    (DEVIATIONS * medianDistance(noises, 0)) / Math.sqrt(NOISE_VARIANCE),
    (DEVIATIONS * medianDistance(changes, change)) / Math.sqrt(CHANGE_VARIANCE),
  );
  const error = (MEDIAN_ERROR * Math.sqrt(CHANGE_VARIANCE) * sigma) / Math.sqrt(rounds.length);
  const band = Math.max(BAND_LEAST, ERRORS * error);
  return {
    factor: Math.exp(change),
    band: Math.exp(band),
    baseAgain: Math.exp(medianOf(noises)),
    is: change > band ? "slower" : change < -band ? "faster" : "same",
  };
}

/** One round for many short ones: with the median of their changes and of their noises, at the median time of the base. */
export function medianRound(rounds: readonly Round[]): Round {
  const base = medianOf(rounds.map((round) => round.base));
  const again = base * Math.exp(medianOf(rounds.map(noiseOf)));
  const candidate = Math.sqrt(base * again) * Math.exp(medianOf(rounds.map(changeOf)));
  return { base, again, candidate };
}

/** How many more rounds to make: until the band is narrow enough, half as many as asked for at a time. */
export function moreRounds(rounds: readonly Round[], asked: number): number {
  if (rounds.length < asked) return asked - rounds.length;
  const isWide = Math.log(judge(rounds).band) > BAND_WANTED;
  return isWide ? Math.min(Math.ceil(asked / 2), ROUNDS_TIMES * asked - rounds.length) : 0;
}

function changeOf({ base, again, candidate }: Round): number {
  return Math.log(candidate / Math.sqrt(base * again));
}

function noiseOf({ base, again }: Round): number {
  return Math.log(again / base);
}

function medianDistance(values: readonly number[], middle: number): number {
  return medianOf(values.map((value) => Math.abs(value - middle)));
}
