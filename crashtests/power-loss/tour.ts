// A log for each part of the formats that chance may not come by: their crash images show every feature that there is
// (format-features.ts), whatever the seed of a campaign.

import { parseOpLog, type Op } from "tinykv/harness";

/** A configuration and what is done under it. */
export interface TourLog {
  readonly config: string;
  readonly ops: readonly Op[];
}

/** Crash images of each log: places and survivals are drawn, from a seed of the tour's own. */
export const TOUR_IMAGES = 80;
export const TOUR_SEED = "tour";

// In log blocks of 512 bytes behind a header of 115: a put of one byte and a value of n takes 36 + n, so that n = 342 leaves
// room for a chunk without payload, 350 too little for any, and 330 less than CLEAN END takes.
const CHUNKS = `
1 put a 0.1.342
2 put b 0.2.20 sync
3 flush
4 put a 0.4.350
5 put b 0.5.20 sync
6 batch sync put a 0.6.400 put b 0.7.400 put c 0.8.400
9 flush
10 put a 0.10.20 sync
11 put a 0.11.20 sync
12 put a 0.12.20 sync
13 put a 0.13.20 sync
14 put a 0.14.20 sync
15 reopen log-512
16 put a 0.16.330`;

// A key and a value longer than a block of a kilobyte, logs that are used again, files from 1 to beyond 10, two levels.
const FILES = `
1 put \\*2000.61 0.1.20
2 put a 0.2.3000
3 put ab 0.3.20
4 put abc 0.4.20
5 flush
6 put ab 0.6.20 sync
7 put abd 0.7.20 sync
8 flush
9 delete ab sync
10 put ac 0.10.20 sync
11 flush
12 put a 0.12.200 sync
13 flush
14 put b 0.14.200 sync
15 flush
16 compactRange
17 put c 0.17.200 sync
18 flush
19 put d 0.19.20 sync`;

// Of a mebibyte a block may begin an entry behind 65,535. Without a filter.
const WIDE = `
1 put a 0.1.70000
2 put b 0.2.20
3 flush`;

// An index of two levels, and compactions that remember how far they came.
const LEVELS = `
1 batch put a 0.1.300 put b 0.2.300 put c 0.3.300 put d 0.4.300 put e 0.5.300
6 flush
7 batch put b 0.7.300 put d 0.8.300 put f 0.9.300 put g 0.10.300
11 flush
12 batch put a 0.12.300 put c 0.13.300 put h 0.14.300
15 flush
16 batch sync put c 0.16.300 put e 0.17.300 put i 0.18.300
19 flush
20 batch sync put j 0.20.300 put k 0.21.300 put l 0.22.300 put m 0.23.300
24 flush
25 batch sync put a 0.25.300 put k 0.26.300 put n 0.27.300 put o 0.28.300
29 flush
30 batch sync put b 0.30.300 put p 0.31.300 put q 0.32.300 put r 0.33.300
34 flush
35 put z 0.35.20 sync`;

export const TOUR: readonly TourLog[] = [
  tourLog("log-512", CHUNKS),
  tourLog("small", FILES),
  tourLog("block-1mib,writeBufferSize=262144,bloomBitsPerKey=0", WIDE),
  tourLog(
    "small,indexBlockSize=16,blockSize=128,writeBufferSize=2048,targetFileSize=512,maxBytesForLevelBase=1024,level0FileNumCompactionTrigger=2,maxManifestFileSize=1",
    LEVELS,
  ),
];

function tourLog(config: string, lines: string): TourLog {
  return { config, ops: parseOpLog(`# tinykv-ops v1${lines}\n`).ops };
}
