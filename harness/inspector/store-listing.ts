// The directory of a store by kinds and numbers, and the problems found in it so far.

import type { FileContent, Image } from "../disk/image.ts";
import type { StoreProblem } from "./problem.ts";
import { lostName, storeFileName } from "./store-names.ts";

export class StoreListing {
  readonly problems: StoreProblem[] = [];
  readonly logs: Map<number, FileContent> = new Map();
  readonly tables: Map<number, FileContent> = new Map();
  readonly manifests: Map<number, FileContent> = new Map();
  current: FileContent | undefined;

  constructor(image: Image, root: string) {
    const prefix = `${root}/`;
    for (const [path, content] of image.files) {
      if (path.startsWith(prefix)) this.#add(path.slice(prefix.length), content);
    }
    for (const path of image.directories) {
      const name = path.startsWith(prefix) ? path.slice(prefix.length) : "lost";
      if (name !== "lost") this.say("C17", name, "an unexpected directory");
    }
  }

  say(condition: StoreProblem["condition"], file: string, problem: string): void {
    this.problems.push({ condition, file, problem });
  }

  #add(name: string, content: FileContent): void {
    const parsed = storeFileName(name);
    switch (parsed?.kind) {
      case "lock":
        break;
      case "current":
        this.current = content;
        break;
      case "log":
        this.logs.set(parsed.number, content);
        break;
      case "table":
        this.tables.set(parsed.number, content);
        break;
      case "manifest":
        this.manifests.set(parsed.number, content);
        break;
      default:
        if (!name.startsWith("lost/") || !lostName(name.slice(5))) this.say("C17", name, "an unexpected file");
    }
  }
}
