// The simulated disk: what a crash may leave, worked out from a trace alone. The model, in full with its litmus tests:
// docs/phases/6-verification.md. In short:
//
//   page, size   one of its contents since the file's last fsync; pages and size independent of each other; at most two
//                pages of an image torn, each sector old or new
//   names        any subset, in order, of a directory's changes since its last fsync; a rename is one change
//   fsync        of a file: its pages and size, not its name; of a directory: its list. close() makes nothing durable
//   failed fsync what was pending stays readable and is written by no later fsync, only by being written again
//   kill         makes nothing durable and discards nothing

import { ok as assert } from "node:assert";
import { posix } from "node:path";
import { assign, copyTree, DirectoryNode, type NameChange, type Node } from "./directory-node.ts";
import type { ContentStore, Image } from "./image.ts";
import type { Choices, Fill } from "./choice.ts";
import { ImageBuilder } from "./image-builder.ts";
import { variantsOf, type Extent } from "./file-variants.ts";
import { Inode, type Versions } from "./inode.ts";
import { treeOf, type Tree } from "./name-tree.ts";
import type { PendingItem } from "./pending-item.ts";
import type { TraceCall, TraceEvent } from "./trace.ts";
import type { Variant } from "./variant.ts";

interface AsyncSync {
  readonly inode: Inode;
  readonly since: number;
}

export class SimulatedDisk {
  readonly contents: ContentStore;
  readonly #root: DirectoryNode;
  readonly #inodes = new Map<number, Inode>();
  readonly #files = new Map<number, Inode>();
  readonly #syncs = new Map<number, AsyncSync>();
  /** As long as no name changes. */
  readonly #trees = new Map<string, Tree>();
  #nextNode = 1;
  #nextChange = 1;
  #time = 0;
  /** The log that was unlinked, or lost its name to another file, last: what a page that was never written may show. */
  #dead: Inode | undefined;
  /** Reads through a descriptor whose file had no name any more: paths, once each (strictUnlink). */
  readonly readAfterUnlink: Set<string> = new Set();

  /** A disk on which the image is durable. */
  constructor(image: Image | undefined, contents: ContentStore) {
    this.contents = contents;
    this.#root = new DirectoryNode(0, "/");
    if (!image) return;
    for (const path of image.directories) {
      if (path !== "/") this.#setDurable(path, new DirectoryNode(this.#nextNode++, path));
    }
    for (const [path, { bytes }] of image.files) {
      const inode = Inode.durable(this.#nextNode++, path, bytes);
      this.#inodes.set(inode.id, inode);
      this.#setDurable(path, inode);
    }
  }

  /** The state behind the event that happened at `time`; times ascend from 1. Marks and calls that did nothing change nothing. */
  apply(event: TraceEvent, time: number): void {
    this.#time = time;
    if (!("call" in event)) return;
    const call = event;
    if (call.call === "sync" || call.call === "syncDirectory" || call.call === "syncEnd") return this.#sync(call);
    if (call.error !== undefined && call.applied !== "part" && call.applied !== "whole") return;
    this.#apply(call);
  }

  /** Everything a power cut may lose now, in an order that depends on the trace alone. */
  pending(): PendingItem[] {
    const items: PendingItem[] = [];
    const seen = new Set<Inode>();
    const reach = (node: Node | undefined): void => {
      if (!(node instanceof Inode) || seen.has(node)) return;
      seen.add(node);
      node.pages.forEach((page, i) => {
        if (page.values.length > 1) items.push({ kind: "page", inode: node, page: i, times: page.times });
      });
      if (node.size.values.length > 1) items.push({ kind: "size", inode: node, times: node.size.times });
    };
    this.#eachDirectory((directory) => {
      for (const node of directory.durable.values()) reach(node);
      for (const { assignments } of directory.pending) for (const { node } of assignments) reach(node);
    });
    for (const change of this.nameChanges()) items.push({ kind: "name", change, times: [0, change.time] });
    return items;
  }

  /** Changes of names that a power cut may lose, in order. */
  nameChanges(): readonly NameChange[] {
    return this.#pendingNames().sort((a, b) => a.id - b.id);
  }

  /** The files that have a name when of nameChanges() only these come true. */
  tree(happened: readonly NameChange[]): Tree {
    const key = happened.map(({ id }) => id).join(",");
    let tree = this.#trees.get(key);
    if (!tree) {
      tree = treeOf(this.#root, happened, (text) => this.contents.treeId(text));
      this.#trees.set(key, tree);
    }
    return tree;
  }

  /** What a power cut may leave of a file, each content once. */
  variants(inode: Inode, extent: Extent): readonly Variant[] {
    return variantsOf(inode, extent, { contents: this.contents, stale: this.#dead === inode ? undefined : this.#dead });
  }

  /** The disk after a power cut in which each item of `items` (pending()) came out as chosen. */
  image(items: readonly PendingItem[], choices: Choices, fill: Fill = "zeros"): Image {
    return new ImageBuilder(this.contents, fill === "stale" ? this.#dead : undefined).afterPowerLoss(
      this.#root,
      items,
      choices,
    );
  }

  /** Nothing pending survives a power cut. */
  imageNone(): Image {
    const items = this.pending();
    return this.image(
      items,
      items.map(() => ({ version: 0 })),
    );
  }

  /** Everything pending survives. */
  imageAll(): Image {
    const items = this.pending();
    return this.image(
      items,
      items.map(({ times }) => ({ version: times.length - 1 })),
    );
  }

  /** Which items a sync that is called now would make durable. */
  coveredBy(call: TraceCall): (item: PendingItem) => boolean {
    if (call.call === "syncDirectory") {
      const node = this.#lookUp(call.path);
      return (item) => item.kind === "name" && item.change.assignments.some(({ directory }) => directory === node);
    }
    const inode = "file" in call ? this.#inodeOf(call.file) : undefined;
    return (item) => item.kind !== "name" && item.inode === inode;
  }

  /** As if the file or directory of an item of pending() were synced now. */
  syncItem(item: PendingItem): void {
    this.#trees.clear();
    if (item.kind === "name") for (const { directory } of item.change.assignments) directory.synced();
    else item.inode.synced(this.#time);
  }

  /** What the next process sees after a process kill. `oldBytes`: pages that failed to be synced read back what is durable. */
  imageKill(oldBytes = false): Image {
    return new ImageBuilder(this.contents, undefined).afterKill(this.#root, oldBytes);
  }

  /** The process is gone: descriptors close, nothing becomes durable, nothing is discarded. `oldBytes` as in imageKill. */
  kill(oldBytes = false): void {
    this.#files.clear();
    this.#syncs.clear();
    for (const inode of this.#inodes.values()) {
      inode.handles = 0;
      if (oldBytes) readBackOldBytes(inode);
    }
  }

  /** A disk of its own in the same state. */
  clone(): SimulatedDisk {
    const copy = new SimulatedDisk(undefined, this.contents);
    const nodes = copyTree(this.#root, copy.#root);
    // Files without a name too: descriptors may share one, and the log that died last shows in images.
    const copyOf = (inode: Inode): Inode => {
      const known = nodes.get(inode) as Inode | undefined;
      const same = known ?? inode.clone();
      nodes.set(inode, same);
      return same;
    };
    for (const [file, inode] of this.#files) copy.#files.set(file, copyOf(inode));
    for (const [sync, { inode, since }] of this.#syncs) copy.#syncs.set(sync, { inode: copyOf(inode), since });
    copy.#dead = this.#dead && copyOf(this.#dead);
    for (const node of nodes.values()) if (node instanceof Inode) copy.#inodes.set(node.id, node);
    copy.#nextNode = this.#nextNode;
    copy.#nextChange = this.#nextChange;
    copy.#time = this.#time;
    return copy;
  }

  #apply(call: TraceCall): void {
    switch (call.call) {
      case "open":
        return this.#open(call);
      case "lock":
        if (!this.#lookUp(call.path)) this.#create(call.path);
        return;
      case "read":
        return this.#read(call.file);
      case "write":
        return this.#inodeOf(call.file)?.write(call.position, call.bytes, this.#time);
      case "truncate":
        return this.#inodeOf(call.file)?.truncate(call.size, this.#time);
      case "close":
        return this.#close(call.file);
      case "syncBegin":
        return this.#syncBegin(call);
      case "makeDirectory":
        return this.#change("mkdir", [[call.path, new DirectoryNode(this.#nextNode++, call.path)]]);
      case "removeDirectory":
        return this.#change("rmdir", [[call.path, undefined]]);
      case "unlink":
        return this.#unlink(call.path);
      case "rename":
        return this.#rename(call.from, call.to);
      case "link":
        return this.#change("link", [[call.to, this.#lookUp(call.from)]]);
      default:
        return; // the rest changes nothing on a disk
    }
  }

  #open({ path, mode, file, error }: Extract<TraceCall, { call: "open" }>): void {
    if (mode === "wx") this.#create(path);
    const node = this.#lookUp(path);
    if (!(node instanceof Inode) || error !== undefined) return;
    node.handles++;
    this.#files.set(file, node);
  }

  #create(path: string): void {
    const inode = new Inode(this.#nextNode++, path);
    this.#inodes.set(inode.id, inode);
    this.#change("create", [[path, inode]]);
  }

  #close(file: number): void {
    const inode = this.#inodeOf(file);
    if (inode) inode.handles--;
    this.#files.delete(file);
  }

  #read(file: number): void {
    const inode = this.#inodeOf(file);
    if (inode && this.#lookUp(inode.path) !== inode && !hasName(inode, this.#root))
      this.readAfterUnlink.add(inode.path);
  }

  #sync(call: Extract<TraceCall, { call: "sync" | "syncDirectory" | "syncEnd" }>): void {
    const failed = call.error !== undefined;
    if (call.call === "syncDirectory") {
      const node = this.#lookUp(call.path);
      if (!(node instanceof DirectoryNode)) return;
      this.#trees.clear();
      if (failed) node.syncFailed();
      else node.synced();
      return;
    }
    const target =
      call.call === "sync" ? { inode: this.#inodeOf(call.file), since: this.#time } : this.#syncs.get(call.sync);
    if (call.call === "syncEnd") this.#syncs.delete(call.sync);
    if (!target?.inode) return;
    if (failed) target.inode.syncFailed(target.since);
    else target.inode.synced(target.since);
  }

  #syncBegin({ file, sync }: Extract<TraceCall, { call: "syncBegin" }>): void {
    const inode = this.#inodeOf(file);
    if (inode) this.#syncs.set(sync, { inode, since: this.#time });
  }

  #unlink(path: string): void {
    this.#bury(path);
    this.#change("unlink", [[path, undefined]]);
  }

  #rename(from: string, to: string): void {
    const node = this.#lookUp(from);
    const replaced = this.#lookUp(to);
    if (node === replaced) return; // two names of one file: POSIX keeps both
    this.#bury(to);
    this.#change("rename", [
      [from, undefined],
      [to, node],
    ]);
    if (node) movePaths(node, to);
  }

  #bury(path: string): void {
    const node = this.#lookUp(path);
    if (node instanceof Inode && path.endsWith(".log")) this.#dead = node;
  }

  #change(verb: NameChange["verb"], names: readonly (readonly [path: string, node: Node | undefined])[]): void {
    const assignments = names.map(([path, node]) => ({
      directory: this.#directoryOf(path),
      name: posix.basename(path),
      node,
    }));
    const change: NameChange = { id: this.#nextChange++, time: this.#time, verb, assignments, lost: false };
    this.#trees.clear();
    for (const assignment of assignments) assign(assignment.directory.names, assignment);
    for (const directory of new Set(assignments.map((assignment) => assignment.directory)))
      directory.pending.push(change);
  }

  #setDurable(path: string, node: Node): void {
    const directory = this.#directoryOf(path);
    const name = posix.basename(path);
    directory.durable.set(name, node);
    directory.names.set(name, node);
  }

  #inodeOf(file: number): Inode | undefined {
    return this.#files.get(file);
  }

  #directoryOf(path: string): DirectoryNode {
    const parent = this.#lookUp(posix.dirname(path));
    assert(parent instanceof DirectoryNode, `${path} is in a directory`);
    return parent;
  }

  #lookUp(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split("/")) {
      if (name === "") continue;
      if (!(node instanceof DirectoryNode)) return undefined;
      node = node.names.get(name);
    }
    return node;
  }

  #pendingNames(): NameChange[] {
    const changes = new Set<NameChange>();
    this.#eachDirectory((directory) => {
      for (const change of directory.pending) changes.add(change);
    });
    return [...changes];
  }

  // Every directory that some image may have.
  #eachDirectory(visit: (directory: DirectoryNode) => void): void {
    const seen = new Set<Node>();
    const walk = (node: Node | undefined): void => {
      if (!(node instanceof DirectoryNode) || seen.has(node)) return;
      seen.add(node);
      visit(node);
      for (const child of node.durable.values()) walk(child);
      for (const { assignments } of node.pending) for (const { node: child } of assignments) walk(child);
    };
    walk(this.#root);
  }
}

function movePaths(node: Node, path: string): void {
  node.path = path;
  if (node instanceof DirectoryNode) for (const [name, child] of node.names) movePaths(child, posix.join(path, name));
}

function hasName(inode: Inode, directory: DirectoryNode): boolean {
  for (const node of directory.names.values()) {
    if (node === inode || (node instanceof DirectoryNode && hasName(inode, node))) return true;
  }
  return false;
}

function readBackOldBytes(inode: Inode): void {
  const { pages, size } = inode;
  inode.stamp++;
  for (const page of pages) if (page.lost) readBack(page);
  if (size.lost) readBack(size);
}

function readBack<T>({ values, times }: Versions<T>): void {
  values.push(values[0]!);
  times.push(times.at(-1)!);
}
