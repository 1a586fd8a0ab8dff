// What `find` and `lsm` fall back to when a store does not open: its files, each read for itself.

import { bytewise, KeyOrder } from "../common/comparator.ts";
import { CorruptionError, TinyKVError } from "../common/errors.ts";
import { isForbidden, surveyStore, type Survey } from "../lsm/survey.ts";
import { CheckedEnv } from "../util/checked-env.ts";
import type { Env } from "../util/env.ts";
import { nodeEnv } from "../util/node-env.ts";
import type { CommandContext } from "./command-context.ts";
import { printError } from "./terminal.ts";

export interface SurveyContext {
  readonly env: Env;
  readonly survey: Survey;
  readonly order: KeyOrder;
  /** Why the store was not opened; undefined if it was not tried. */
  readonly error: TinyKVError;
}

/**
 * Runs `open`; where that cannot be done because of what the files hold, or of a comparator that is not known here, runs
 * `survey` on the files instead, the reason told on standard error.
 */
export function openOrSurvey(
  { options }: CommandContext,
  open: () => number,
  survey: (context: SurveyContext) => number,
): number {
  try {
    return patiently(open);
  } catch (error) {
    const mayTell = error instanceof TinyKVError && (FILES_MAY_TELL.has(error.code) || isForbidden(error));
    if (!mayTell) throw error;
    const env = new CheckedEnv(nodeEnv);
    const order = new KeyOrder(bytewise);
    const found = surveyStore(env, options.db, order);
    printError(
      `tinykv: ${error.code.slice("TINYKV_".length)}: ${error.message}; what follows is from the files themselves`,
    );
    const comparator = found.manifest?.comparatorName;
    if (comparator !== undefined && comparator !== bytewise.name)
      printError(`tinykv: the order of ${comparator} is not known here: keys are compared as bytes, orders not at all`);
    return survey({ env, survey: found, order, error });
  }
}

/** Opens that a busy writer may spoil, each of them five attempts: together some seconds. */
const SPOILT_MOST = 100;

// Beside a writer that changes its files all the time an open may find none of its attempts undisturbed.
function patiently(open: () => number): number {
  for (let spoilt = 0; ; spoilt++) {
    try {
      return open();
    } catch (error) {
      const isSpoilt = error instanceof TinyKVError && error.cause instanceof CorruptionError;
      if (!isSpoilt || error.code !== "TINYKV_IO_ERROR" || spoilt === SPOILT_MOST) throw error;
    }
  }
}

const FILES_MAY_TELL: ReadonlySet<string> = new Set([
  "TINYKV_CORRUPTION",
  "TINYKV_FORMAT_UNSUPPORTED",
  "TINYKV_COMPARATOR_MISMATCH",
]);

/** Whether the store is damaged, and not merely in an order that is not known here. */
export function isDamaged({ survey, error }: SurveyContext): boolean {
  return error.code !== "TINYKV_COMPARATOR_MISMATCH" || survey.problems.length > 0;
}
