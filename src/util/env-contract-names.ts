// The part of the contract about the names of files: open, rename, link, unlink, stat.

import {
  bytesOf,
  check,
  checkEqual,
  checkFails,
  namesIn,
  textAt,
  textOf,
  withFile,
  writeFile,
  type ContractCase,
} from "./env-contract-checks.ts";
import { writeFully } from "./file-io.ts";

export const nameCases: readonly ContractCase[] = [
  {
    name: "r and rw open existing files only",
    run(env, directory) {
      checkFails(() => env.open(`${directory}/a`, "r"), ["ENOENT"], "open with r");
      checkFails(() => env.open(`${directory}/a`, "rw"), ["ENOENT"], "open with rw");
      checkEqual(namesIn(env, directory), "", "the directory");
    },
  },
  {
    name: "wx creates new files only, and leaves an existing one alone",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      env.makeDirectory(`${directory}/b`);
      checkFails(() => env.open(`${directory}/a`, "wx"), ["EEXIST"], "open with wx of a file");
      checkFails(() => env.open(`${directory}/b`, "wx"), ["EEXIST"], "open with wx of a directory");
      checkEqual(textAt(env, `${directory}/a`), "abc", "the file");
    },
  },
  {
    name: "rw keeps what is in the file",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      withFile(env.open(`${directory}/a`, "rw"), (file) => checkEqual(textOf(file), "abc", "the file"));
    },
  },
  {
    name: "nothing is created or found in a directory that does not exist, nor inside a file",
    run(env, directory) {
      writeFile(env, `${directory}/file`, "abc");
      for (const mode of ["r", "rw", "wx"] as const) {
        checkFails(() => env.open(`${directory}/none/a`, mode), ["ENOENT"], `open with ${mode} in no directory`);
        checkFails(() => env.open(`${directory}/file/a`, mode), ["ENOTDIR"], `open with ${mode} inside a file`);
      }
      checkFails(() => env.stat(`${directory}/file/a`), ["ENOTDIR"], "stat inside a file");
      checkFails(() => env.rename(`${directory}/file`, `${directory}/none/a`), ["ENOENT"], "rename into no directory");
      checkEqual(textAt(env, `${directory}/file`), "abc", "the file");
    },
  },
  {
    name: "a directory cannot be read as a file",
    run(env, directory) {
      // Some systems open it and fail at the read.
      checkFails(
        () => withFile(env.open(directory, "r"), (file) => file.read(new Uint8Array(1), 0)),
        ["EISDIR"],
        "reading a directory",
      );
      checkFails(() => env.open(directory, "rw"), ["EISDIR"], "open of a directory with rw");
    },
  },
  {
    name: "rename gives a file another name",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      const { inode } = env.stat(`${directory}/a`);
      env.rename(`${directory}/a`, `${directory}/b`);
      checkEqual(namesIn(env, directory), "b", "the directory");
      checkEqual(textAt(env, `${directory}/b`), "abc", "the file");
      checkEqual(env.stat(`${directory}/b`).inode, inode, "the inode");
    },
  },
  {
    name: "rename replaces the file that has the name; its open handles go on",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "new");
      writeFile(env, `${directory}/b`, "old");
      withFile(env.open(`${directory}/b`, "rw"), (replaced) => {
        env.rename(`${directory}/a`, `${directory}/b`);
        checkEqual(namesIn(env, directory), "b", "the directory");
        checkEqual(textAt(env, `${directory}/b`), "new", "the file of that name");
        writeFully(replaced, bytesOf("O"), 0);
        checkEqual(textOf(replaced), "Old", "what the handle of the replaced file reads");
        checkEqual(textAt(env, `${directory}/b`), "new", "the file of that name, after a write to the replaced one");
      });
    },
  },
  {
    name: "a handle stays with its file through a rename",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      withFile(env.open(`${directory}/a`, "rw"), (file) => {
        env.rename(`${directory}/a`, `${directory}/b`);
        writeFile(env, `${directory}/a`, "other");
        writeFully(file, bytesOf("X"), 0);
        checkEqual(textAt(env, `${directory}/b`), "Xbc", "the renamed file");
        checkEqual(textAt(env, `${directory}/a`), "other", "the new file of the old name");
      });
    },
  },
  {
    name: "rename moves files and directories between directories",
    run(env, directory) {
      env.makeDirectory(`${directory}/one`);
      env.makeDirectory(`${directory}/two`);
      writeFile(env, `${directory}/one/a`, "abc");
      env.rename(`${directory}/one/a`, `${directory}/two/b`);
      checkEqual(namesIn(env, `${directory}/one`), "", "the directory it left");
      checkEqual(textAt(env, `${directory}/two/b`), "abc", "the file");
      env.rename(`${directory}/two`, `${directory}/one/three`);
      checkEqual(textAt(env, `${directory}/one/three/b`), "abc", "the file in the moved directory");
      checkEqual(namesIn(env, directory), "one", "the directory");
    },
  },
  {
    name: "rename to its own name, and between two names of one file, changes nothing",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      env.rename(`${directory}/a`, `${directory}/a`);
      env.link(`${directory}/a`, `${directory}/b`);
      env.rename(`${directory}/a`, `${directory}/b`);
      checkEqual(namesIn(env, directory), "a b", "the directory");
      checkEqual(textAt(env, `${directory}/a`), "abc", "the file");
    },
  },
  {
    name: "a refused rename changes nothing",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      env.makeDirectory(`${directory}/full`);
      env.makeDirectory(`${directory}/other`);
      writeFile(env, `${directory}/full/x`, "x");
      checkFails(() => env.rename(`${directory}/none`, `${directory}/a`), ["ENOENT"], "rename of nothing");
      checkFails(() => env.rename(`${directory}/a`, `${directory}/full`), ["EISDIR"], "rename onto a directory");
      checkFails(
        () => env.rename(`${directory}/full`, `${directory}/a`),
        ["ENOTDIR"],
        "rename of a directory to a file",
      );
      const notEmpty = ["ENOTEMPTY", "EEXIST"];
      checkFails(() => env.rename(`${directory}/other`, `${directory}/full`), notEmpty, "rename onto a full directory");
      checkFails(() => env.rename(`${directory}/full`, `${directory}/full/y`), ["EINVAL"], "rename into itself");
      checkEqual(namesIn(env, directory), "a full other", "the directory");
      checkEqual(namesIn(env, `${directory}/full`), "x", "the full directory");
      checkEqual(textAt(env, `${directory}/a`), "abc", "the file");
    },
  },
  {
    name: "link gives a file a second name; each lives without the other",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      env.link(`${directory}/a`, `${directory}/b`);
      checkEqual(env.stat(`${directory}/b`).inode, env.stat(`${directory}/a`).inode, "the inode of the second name");
      withFile(env.open(`${directory}/b`, "rw"), (file) => writeFully(file, bytesOf("X"), 0));
      checkEqual(textAt(env, `${directory}/a`), "Xbc", "the first name's view of a write by the second");
      env.unlink(`${directory}/a`);
      checkEqual(textAt(env, `${directory}/b`), "Xbc", "the second name's view after the first is gone");
      checkEqual(namesIn(env, directory), "b", "the directory");
    },
  },
  {
    name: "link replaces nothing and needs a file",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      writeFile(env, `${directory}/b`, "old");
      env.makeDirectory(`${directory}/c`);
      checkFails(() => env.link(`${directory}/a`, `${directory}/b`), ["EEXIST"], "link onto a file");
      checkFails(() => env.link(`${directory}/a`, `${directory}/c`), ["EEXIST"], "link onto a directory");
      checkFails(() => env.link(`${directory}/none`, `${directory}/d`), ["ENOENT"], "link of nothing");
      checkFails(() => env.link(`${directory}/c`, `${directory}/d`), ["EPERM"], "link of a directory");
      checkEqual(textAt(env, `${directory}/b`), "old", "the file");
      checkEqual(namesIn(env, directory), "a b c", "the directory");
    },
  },
  {
    name: "unlink takes the name; open handles go on reading and writing",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      withFile(env.open(`${directory}/a`, "rw"), (file) => {
        env.unlink(`${directory}/a`);
        checkEqual(namesIn(env, directory), "", "the directory");
        writeFully(file, bytesOf("def"), 3);
        checkEqual(textOf(file), "abcdef", "the file without a name");
        writeFile(env, `${directory}/a`, "new");
        checkEqual(textOf(file), "abcdef", "the file without a name, beside a new one of that name");
        checkEqual(textAt(env, `${directory}/a`), "new", "the new file");
      });
    },
  },
  {
    name: "unlink needs a file",
    run(env, directory) {
      env.makeDirectory(`${directory}/a`);
      checkFails(() => env.unlink(`${directory}/none`), ["ENOENT"], "unlink of nothing");
      checkFails(() => env.unlink(`${directory}/a`), ["EISDIR", "EPERM"], "unlink of a directory");
      checkEqual(namesIn(env, directory), "a", "the directory");
    },
  },
  {
    name: "stat tells files from directories, and one file from another",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      writeFile(env, `${directory}/b`, "abc");
      env.makeDirectory(`${directory}/c`);
      checkEqual(env.stat(`${directory}/a`).kind, "file", "the kind of a file");
      checkEqual(env.stat(`${directory}/c`).kind, "directory", "the kind of a directory");
      checkEqual(env.stat(directory).kind, "directory", "the kind of the directory around it");
      const inodes = ["a", "b", "c"].map((name) => env.stat(`${directory}/${name}`).inode);
      check(new Set(inodes).size === 3, `three names have the inodes ${inodes.join(", ")}`);
      checkEqual(env.stat(`${directory}/a`).inode, inodes[0], "the inode when asked again");
      checkFails(() => env.stat(`${directory}/none`), ["ENOENT"], "stat of nothing");
    },
  },
  {
    name: "names are bytes to the Env: case and length matter, other scripts work",
    run(env, directory) {
      const names = ["CURRENT.tmp", "MANIFEST-000005", "000010.log", "000009.log", "ä€𝄞", "x".repeat(200)];
      for (const name of names) writeFile(env, `${directory}/${name}`, name);
      checkEqual(namesIn(env, directory), [...names].sort().join(" "), "the directory");
      checkEqual(textAt(env, `${directory}/000010.log`), "000010.log", "the file");
    },
  },
];
