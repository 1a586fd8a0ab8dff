import {
  FEATURES,
  type Feature,
  SILENT_HOST,
  SimulatedDisk,
  ContentStore,
  EMPTY_DIRECTORIES,
  makeImage,
  recordRun,
  TinyKVEngine,
  CoverageCounter,
} from "tinykv/harness";
import { expect, test } from "vitest";
import { runTour } from "./campaign.ts";
import { TOUR } from "./tour.ts";

test("the images of the tour show every part of the formats, and nothing is wrong with any", async () => {
  const { coverage, findings, counters } = await runTour({}, SILENT_HOST);
  expect(findings).toEqual([]);
  const missing = Object.entries(coverage.features).filter(([, images]) => images === 0);
  expect(missing).toEqual([]);
  for (const images of Object.values(coverage.features)) expect(images).toBeLessThanOrEqual(counters.images);
});

/** The features of the disk behind every event of a log of the tour, under a configuration. */
async function featuresUnder(config: string, log: number): Promise<Feature[]> {
  const { ops } = TOUR[log]!;
  const { trace } = await recordRun({ makeEngine: (env) => new TinyKVEngine({ env }), ops, config });
  const disk = new SimulatedDisk(makeImage([], EMPTY_DIRECTORIES), new ContentStore());
  const counter = new CoverageCounter();
  trace.forEach((event, i) => {
    disk.apply(event, i + 1);
    counter.opened(disk.imageKill(), 1024);
  });
  const { features } = counter.coverage();
  return (Object.keys(FEATURES) as Feature[]).filter((feature) => features[feature] > 0);
}

const ABSENT: readonly (readonly [string, number, readonly Feature[], readonly Feature[]])[] = [
  ["small", 1, ["recycled", "renamed", "filter", "largeKey", "oneLevel"], ["noFilter", "wide", "twoLevels", "middle"]],
  ["recycle-off", 1, ["filter", "deep"], ["recycled", "renamed"]],
  ["bloom-0", 1, ["noFilter"], ["filter"]],
  ["block-1mib", 1, ["narrow"], ["wide"]],
  ["log-512", 0, ["first", "middle", "last", "padding", "emptyFirst", "filler"], ["twoLevels"]],
  ["small", 0, ["full", "cleanEnd"], ["first", "middle", "last", "padding", "emptyFirst"]],
];

test.each(ABSENT)("under %s log %i shows %j and not %j", async (config, log, present, absent) => {
  const shown = await featuresUnder(config, log);
  expect(present.filter((feature) => !shown.includes(feature))).toEqual([]);
  expect(absent.filter((feature) => shown.includes(feature))).toEqual([]);
});
