import { parseConfiguration } from "../configurations.ts";
import { ContentStore, makeImage, type Image } from "../disk/image.ts";
import { edgeFiles } from "../inspector/edges.ts";
import { EMPTY_DIRECTORIES, STORE } from "./places.ts";

/** The store that a run under this configuration starts from; undefined: nothing but the directory for one. */
export function startImage(config: string): Image | undefined {
  const { start } = parseConfiguration(config);
  if (!start) return undefined;
  const contents = new ContentStore();
  return makeImage(
    [...edgeFiles(start)].map(([name, bytes]) => [`${STORE}/${name}`, contents.of(bytes)]),
    [...EMPTY_DIRECTORIES, STORE],
  );
}
