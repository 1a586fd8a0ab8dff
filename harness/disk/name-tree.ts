import { assign, type DirectoryNode, type NameChange, type Node } from "./directory-node.ts";
import { Inode } from "./inode.ts";

/** The files that have a name when certain changes of names survive. */
export interface Tree {
  /** Equal for trees of equal paths of one ContentStore; the files may differ. */
  readonly id: number;
  /** Ascending; inodes[i] stands under paths[i]. */
  readonly paths: readonly string[];
  readonly inodes: readonly Inode[];
  readonly directories: readonly string[];
  readonly happened: readonly NameChange[];
}

/** What stands below a root when of all pending changes only those of `happened` come true. */
export function treeOf(root: DirectoryNode, happened: readonly NameChange[], idOf: (text: string) => number): Tree {
  const files: [string, Inode][] = [];
  const directories: string[] = [];
  const walk = (directory: DirectoryNode, path: string): void => {
    directories.push(path);
    for (const [name, node] of namesLeft(directory, happened)) {
      const child = below(path, name);
      if (node instanceof Inode) files.push([child, node]);
      else walk(node, child);
    }
  };
  walk(root, "/");
  files.sort(([a], [b]) => (a < b ? -1 : 1));
  directories.sort();
  const paths = files.map(([path]) => path);
  const id = idOf(`${directories.join("\n")}\n\n${paths.join("\n")}`);
  return { id, paths, inodes: files.map(([, inode]) => inode), directories, happened };
}

/** The path of a name in a directory, which is absolute and has no "/" behind it. Trees are walked too often for posix.join. */
export function below(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** The names of one directory then. */
export function namesLeft(directory: DirectoryNode, happened: readonly NameChange[]): ReadonlyMap<string, Node> {
  if (directory.pending.length === 0) return directory.durable;
  const names = new Map(directory.durable);
  for (const change of directory.pending) {
    if (!happened.includes(change)) continue;
    for (const assignment of change.assignments) if (assignment.directory === directory) assign(names, assignment);
  }
  return names;
}
