// One directory of the simulated disk: the names that are durable, and the list of changes since its last fsync, any
// subset of which, in order, a crash may have kept.

import { Inode } from "./inode.ts";

export type Node = Inode | DirectoryNode;

/** One system call on names: a rename changes two at once, perhaps in two directories. */
export interface NameChange {
  readonly id: number;
  readonly time: number;
  readonly verb: "create" | "link" | "unlink" | "rename" | "mkdir" | "rmdir";
  /** Those that no durable change of the same name has overtaken. */
  assignments: readonly Assignment[];
  /** An fsync failed with it: no later one will write it. */
  lost: boolean;
}

export interface Assignment {
  readonly directory: DirectoryNode;
  readonly name: string;
  /** Undefined: the name goes. */
  readonly node: Node | undefined;
}

export class DirectoryNode {
  readonly id: number;
  path: string;
  readonly durable: Map<string, Node> = new Map();
  /** What a reader sees. */
  readonly names: Map<string, Node> = new Map();
  pending: NameChange[] = [];

  constructor(id: number, path: string) {
    this.id = id;
    this.path = path;
  }

  /** The list is durable, but for what an earlier fsync failed to write. */
  synced(): void {
    for (const change of this.pending) if (!change.lost) commit(change);
  }

  syncFailed(): void {
    for (const change of this.pending) change.lost = true;
  }
}

export function assign(names: Map<string, Node>, { name, node }: Assignment): void {
  if (node) names.set(name, node);
  else names.delete(name);
}

// A change of two directories is one transaction of the file system's journal: the fsync of either writes it. What older
// changes, not durable, did to the same names can no longer come true; what a rename did to its other name can.
function commit(change: NameChange): void {
  for (const assignment of change.assignments) {
    const { directory, name } = assignment;
    assign(directory.durable, assignment);
    for (const older of directory.pending) {
      if (older.id >= change.id) continue;
      older.assignments = older.assignments.filter((other) => other.directory !== directory || other.name !== name);
    }
    directory.pending = directory.pending.filter((other) => {
      return other !== change && other.assignments.some((left) => left.directory === directory);
    });
  }
}

/** Copies everything below a root into an empty one; gives what became of each node. */
export function copyTree(root: DirectoryNode, into: DirectoryNode): Map<Node, Node> {
  const nodes = new Map<Node, Node>([[root, into]]);
  const changes = new Map<NameChange, NameChange>();
  const copyNode = (node: Node): Node => {
    const known = nodes.get(node);
    if (known) return known;
    const copy = node instanceof Inode ? node.clone() : new DirectoryNode(node.id, node.path);
    nodes.set(node, copy);
    if (node instanceof DirectoryNode) copyNames(node, copy as DirectoryNode);
    return copy;
  };
  const copyChange = (change: NameChange): NameChange => {
    const known = changes.get(change);
    if (known) return known;
    const assignments: Assignment[] = [];
    const copy: NameChange = { ...change, assignments };
    changes.set(change, copy);
    for (const { directory, name, node } of change.assignments) {
      assignments.push({ directory: copyNode(directory) as DirectoryNode, name, node: node && copyNode(node) });
    }
    return copy;
  };
  const copyNames = (from: DirectoryNode, to: DirectoryNode): void => {
    for (const [name, node] of from.durable) to.durable.set(name, copyNode(node));
    for (const [name, node] of from.names) to.names.set(name, copyNode(node));
    for (const change of from.pending) to.pending.push(copyChange(change));
  };
  copyNames(root, into);
  return nodes;
}
