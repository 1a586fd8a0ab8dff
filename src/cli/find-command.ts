// `tinykv find KEY`: every version of a key, wherever one is.

import type { Command } from "commander";
import type { FoundVersion } from "../lsm/find.ts";
import { findInFiles, type FileVersion } from "../lsm/find-in-files.ts";
import type { CommandContext, GlobalOptions, Run } from "./command-context.ts";
import { jsonField, parseArgument, readable } from "./encoding.ts";
import { Exit } from "./exit-codes.ts";
import { tellProblem } from "./file-access.ts";
import { isDamaged, openOrSurvey, type SurveyContext } from "./store-survey.ts";
import { printLine } from "./terminal.ts";

export function addFindCommand(program: Command, run: Run): void {
  program
    .command("find <key>")
    .description("every version of a key in every memtable, log and table; of a store that does not open, in its files")
    .action((text: string) =>
      run((context) => {
        const key = parseArgument(text, context.options.hex, "key");
        return openOrSurvey(
          context,
          () => findInStore(context, key),
          (survey) => findInSurvey(survey, context.options, key),
        );
      }),
    );
}

function findInStore({ options, withStore }: CommandContext, key: Uint8Array): number {
  return withStore("look", (db) => {
    const versions = db.find(key);
    for (const version of versions) printLine(versionLine(version, options));
    return versions.length > 0 ? Exit.ok : Exit.absent;
  });
}

function findInSurvey(context: SurveyContext, options: GlobalOptions, key: Uint8Array): number {
  const { env, survey, order } = context;
  const { versions, problems } = findInFiles(env, options.db, survey, key, order);
  for (const version of versions) printLine(versionLine(version, options));
  for (const { file, offset, problem } of [...survey.problems, ...problems])
    tellProblem(options, file, { offset, length: 0, problem });
  if (isDamaged(context) || problems.length > 0) return Exit.damage;
  return versions.length > 0 ? Exit.ok : Exit.absent;
}

function versionLine(version: FoundVersion | FileVersion, { json, hex }: GlobalOptions): string {
  return json ? JSON.stringify(asJson(version, hex)) : asText(version, hex);
}

function asJson(version: FoundVersion | FileVersion, hex: boolean): object {
  const { value, start, end, ...rest } = { start: undefined, end: undefined, ...version };
  return {
    ...rest,
    ...(value && jsonField("value", value, hex)),
    ...(start && jsonField("start", start, hex)),
    ...(end && jsonField("end", end, hex)),
  };
}

function asText(version: FoundVersion | FileVersion, hex: boolean): string {
  const { where, file, level, sequence, kind, value } = version;
  const dead =
    "live" in version && !version.live ? (where === "log" ? " (needed no more)" : " (not in the manifest)") : "";
  const place = where === "memtable" ? "memtable" : `${file}${level === undefined ? "" : ` level ${level}`}${dead}`;
  const range =
    "start" in version && version.start && version.end
      ? `\t${readable(version.start, hex)} to ${readable(version.end, hex)}`
      : "";
  return `${sequence}\t${kind}\t${place}${value ? `\t${readable(value, hex)}` : ""}${range}`;
}
