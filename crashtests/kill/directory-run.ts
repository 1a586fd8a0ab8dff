// One store directory and the children that die in it, one after the other. The oracle knows from the seed what each
// child was to do, and from its records how far it came. After most deaths a copy of the directory is checked in full;
// after the others the next child goes on with what nobody has looked at, and what was in flight stays undecided: the
// check behind the last of them must find one of the histories that this leaves.

import { levelsOf, type Op, Oracle, parseConfiguration, UNDECIDED_MAX } from "tinykv/harness";
import type { Hearing, Place } from "./hearing.ts";
import { checkCopy, hear, judgeLife, type KeptLives, leaveUndecided, type Life } from "./lives.ts";
import type { Profile, RoundPlan } from "./plan.ts";
import { live, type Lived } from "./live.ts";

export interface RoundResult {
  readonly acknowledged: number;
  readonly places: ReadonlySet<Place>;
  readonly syncWrites: number;
  readonly writes: number;
  /** States that a reader beside the child saw, and how often it saw only that nothing stood still. */
  readonly sights: number;
  readonly refusals: number;
  /** A copy was checked in full. */
  readonly isChecked: boolean;
}

/** Deaths in a row without a check, so that the histories to choose from stay few. */
const CHAIN_MOST = 4;

/** One check in so many reads under the configuration that the child wrote under. */
const OWN_CONFIG_EVERY = 4;
/**
 * The others are quick: with small caches and a descriptor at a time a check takes ten times as long as its child lived. A
 * cache holds what a store of its profile holds, so that each block is read once, and verified.
 */
const CHECK_CACHE_BYTES: { readonly [P in Profile]: number } = { fast: 1 << 20, heavy: 64 << 20 };

export interface DirectoryOptions {
  /** Starts what a plan says and waits for its end; default: this process does. */
  readonly live?: (plan: RoundPlan) => Promise<Lived>;
  /** May change what a child left, before it is checked: how the suite itself is tested. */
  readonly afterDeath?: (directory: string) => void;
}

export class DirectoryRun {
  readonly directory: string;
  readonly #oracle = new Oracle();
  readonly #options: DirectoryOptions;
  readonly #lives: Life[] = [];
  readonly #log: (readonly Op[])[] = [];
  #config = checkConfig("fast");
  #nextId = 1;
  #incarnation = 0;
  #levels = 0;
  /** Deaths since the last check. */
  #chain = 0;
  /** Writes in flight at those. */
  #undecided = 0;

  constructor(directory: string, options: DirectoryOptions = {}) {
    this.directory = directory;
    this.#options = options;
  }

  get nextId(): number {
    return this.#nextId;
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** The most levels that the store was ever opened with: it may refuse fewer. */
  get levels(): number {
    return this.#levels;
  }

  /** There are writes of which nobody knows whether they happened. */
  get isUndecided(): boolean {
    return this.#undecided > 0;
  }

  /** What was issued so far, life by life. */
  get log(): readonly (readonly Op[])[] {
    return this.#log;
  }

  /** The same with all that was heard, for the artifact of a failure. */
  get kept(): KeptLives {
    return { lives: this.#lives, config: this.#config };
  }

  /** One child's life, and mostly the check after it; throws Failure. */
  async round(plan: RoundPlan): Promise<RoundResult> {
    const { child } = plan;
    this.#levels = Math.max(this.#levels, levelsOf(parseConfiguration(child.config)));
    const life: Life = { child, ...(await (this.#options.live ?? live)(plan)) };
    this.#lives.push(life);
    const heard = hear(this.#oracle, life);
    this.#log.push(heard.log);
    judgeLife(heard, life);
    this.#nextId = heard.nextId;
    this.#levels = Math.max(this.#levels, heard.levels);
    const config = this.#incarnation % OWN_CONFIG_EVERY === 0 ? child.config : checkConfig(child.profile);
    this.#config = `${config},numLevels=${this.#levels}`;
    this.#incarnation++;
    this.#options.afterDeath?.(this.directory);
    if (heard.insideOpen) heard.places.add("inside-open");
    const { acknowledged, places, syncWrites, writes, sights, refusals } = heard;
    const isChecked = plan.isChecked || !this.#mayGoOn(heard);
    if (isChecked) {
      const { decision, replayed } = checkCopy(this.#oracle, this.directory, this.#config);
      this.#lives[this.#lives.length - 1] = { ...life, decision };
      this.#chain = this.#undecided = 0;
      if (heard.insideOpen && replayed) places.add("inside-open-with-logs");
    } else {
      leaveUndecided(this.#oracle, heard.inFlight);
      this.#chain++;
      this.#undecided += heard.inFlight.length;
    }
    return { acknowledged, places, syncWrites, writes, sights, refusals, isChecked };
  }

  #mayGoOn({ inFlight }: Hearing): boolean {
    return this.#chain + 1 < CHAIN_MOST && this.#undecided + inFlight.length <= UNDECIDED_MAX;
  }
}

function checkConfig(profile: Profile): string {
  return `default,background=inline,writeBufferSize=65536,blockCacheSize=${CHECK_CACHE_BYTES[profile]}`;
}
