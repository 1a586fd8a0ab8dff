import { ContentStore } from "../disk/image.ts";
import { CrashJudge, Examined } from "./crash-judge.ts";
import { imageConfiguration } from "./image-configuration.ts";
import { ImageGraph } from "./image-graph.ts";
import type { EngineMaker, RecordedRun } from "./recorded-run.ts";

/** Seeded combinations at crash points with more pending items than can all be combined. */
export const SAMPLES = 16;

/** The graph and the judge of a run that shares them with no other. */
export function judgeAlone(run: RecordedRun, makeEngine: EngineMaker): { graph: ImageGraph; judge: CrashJudge } {
  const options = { makeEngine, config: imageConfiguration(run.config, run.ops), contents: new ContentStore() };
  const graph = new ImageGraph({ ...options, samples: SAMPLES, beat: () => undefined });
  return { graph, judge: new CrashJudge(run, graph, options, new Examined()) };
}
