// `tinykv lsm`: the shape of a store, drawn or as JSON, whether it opens or not.

import type { Command } from "commander";
import { bytewise, KeyOrder } from "../common/comparator.ts";
import type { Stats } from "../lsm/stats.ts";
import { surveyStore, type Survey, type SurveyedFile } from "../lsm/survey.ts";
import { CheckedEnv } from "../util/checked-env.ts";
import { nodeEnv } from "../util/node-env.ts";
import type { CommandContext, GlobalOptions, Run } from "./command-context.ts";
import { readable } from "./encoding.ts";
import { Exit } from "./exit-codes.ts";
import { tellProblem } from "./file-access.ts";
import { drawLsm, levelsOfSurvey } from "./lsm-drawing.ts";
import { isDamaged, openOrSurvey } from "./store-survey.ts";
import { printLine } from "./terminal.ts";

export function addLsmCommand(program: Command, run: Run): void {
  program
    .command("lsm")
    .description("draw the levels, and the files around them; of a store that does not open, what its files tell")
    .action(() =>
      run((context) =>
        openOrSurvey(
          context,
          () => drawStore(context),
          (survey) => {
            draw(survey.survey, undefined, context.options);
            for (const { file, offset, problem } of survey.survey.problems)
              tellProblem(context.options, file, { offset, length: 0, problem });
            return isDamaged(survey) ? Exit.damage : Exit.ok;
          },
        ),
      ),
    );
}

// What the survey finds wrong with a store that opens is a writer's doing between two looks, and passes.
function drawStore({ options, withStore }: CommandContext): number {
  return withStore("look", (db) => {
    draw(surveyStore(new CheckedEnv(nodeEnv), options.db, new KeyOrder(bytewise)), db.stats(), options);
  });
}

function draw(survey: Survey, stats: Stats | undefined, { json, hex }: GlobalOptions): void {
  const levels = stats?.levels ?? levelsOfSurvey(survey);
  if (json) printLine(JSON.stringify(asJson(levels, survey, stats, hex)));
  else for (const line of drawLsm(levels, survey, stats, hex)) printLine(line);
}

function asJson(levels: readonly object[], survey: Survey, stats: Stats | undefined, hex: boolean): object {
  const { manifest } = survey;
  const live = survey.logs.filter(({ isLive }) => isLive);
  const bytes = live.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const files = (list: readonly SurveyedFile[]): object[] => list.map(({ name, size }) => ({ file: name, size }));
  return {
    ...(stats && { memtables: stats.memtables }),
    logs: stats?.logs ?? { count: live.length, bytes },
    manifest: stats?.manifest ?? (manifest && { number: manifest.number, bytes: manifest.log.end.size }),
    levels,
    opened: stats !== undefined,
    comparatorName: manifest?.comparatorName,
    manifestEnd: manifest?.log.verdict,
    tables: survey.tables.map(({ name, size, level, meta }) => ({
      file: name,
      size,
      level,
      ...(meta && {
        epoch: meta.epoch,
        entries: meta.entries,
        deletes: meta.deletes,
        smallest: readable(meta.smallest.key, hex),
        largest: readable(meta.largest.key, hex),
      }),
    })),
    logFiles: survey.logs.map(({ name, size, isLive }) => ({ file: name, size, live: isLive })),
    otherManifests: files(survey.otherManifests),
    lost: survey.lost,
    foreign: survey.foreign,
    problems: stats ? [] : survey.problems,
  };
}
