// The part of the contract about directories.

import {
  ANY_BARRIER,
  checkEqual,
  checkFails,
  namesIn,
  textAt,
  writeFile,
  type ContractCase,
} from "./env-contract-checks.ts";

export const directoryCases: readonly ContractCase[] = [
  {
    name: "a directory lists what is in it, after each change",
    run(env, directory) {
      checkEqual(namesIn(env, directory), "", "the empty directory");
      writeFile(env, `${directory}/a`, "");
      checkEqual(namesIn(env, directory), "a", "the directory after a create");
      env.makeDirectory(`${directory}/b`);
      checkEqual(namesIn(env, directory), "a b", "the directory after a mkdir");
      env.link(`${directory}/a`, `${directory}/c`);
      checkEqual(namesIn(env, directory), "a b c", "the directory after a link");
      env.rename(`${directory}/a`, `${directory}/d`);
      checkEqual(namesIn(env, directory), "b c d", "the directory after a rename");
      env.rename(`${directory}/d`, `${directory}/e`);
      env.unlink(`${directory}/c`);
      checkEqual(namesIn(env, directory), "b e", "the directory after an unlink");
      env.removeDirectory(`${directory}/b`);
      checkEqual(namesIn(env, directory), "e", "the directory after a rmdir");
    },
  },
  {
    name: "a listing is the names of one level, and the caller's own",
    run(env, directory) {
      env.makeDirectory(`${directory}/b`);
      writeFile(env, `${directory}/b/c`, "");
      const names = env.readDirectory(directory);
      checkEqual(names.join(" "), "b", "the listing");
      names.length = 0;
      checkEqual(namesIn(env, directory), "b", "the listing after the caller changed its own");
    },
  },
  {
    name: "listing, removing and syncing need a directory",
    run(env, directory) {
      writeFile(env, `${directory}/a`, "abc");
      checkFails(() => env.readDirectory(`${directory}/none`), ["ENOENT"], "listing nothing");
      checkFails(() => env.readDirectory(`${directory}/a`), ["ENOTDIR"], "listing a file");
      checkFails(() => env.removeDirectory(`${directory}/none`), ["ENOENT"], "removing nothing");
      checkFails(() => env.removeDirectory(`${directory}/a`), ["ENOTDIR"], "removing a file as a directory");
      checkFails(() => env.syncDirectory(`${directory}/none`, ANY_BARRIER), ["ENOENT"], "syncing nothing");
      checkFails(() => env.syncDirectory(`${directory}/a`, ANY_BARRIER), ["ENOTDIR"], "syncing a file");
      checkEqual(textAt(env, `${directory}/a`), "abc", "the file");
    },
  },
  {
    name: "makeDirectory makes one level, and no name twice",
    run(env, directory) {
      writeFile(env, `${directory}/file`, "abc");
      env.makeDirectory(`${directory}/a`);
      checkFails(() => env.makeDirectory(`${directory}/a`), ["EEXIST"], "making a directory twice");
      checkFails(() => env.makeDirectory(`${directory}/file`), ["EEXIST"], "making a directory of a file's name");
      checkFails(() => env.makeDirectory(`${directory}/b/c`), ["ENOENT"], "making two levels");
      checkFails(() => env.makeDirectory(`${directory}/file/c`), ["ENOTDIR"], "making a directory inside a file");
      checkEqual(namesIn(env, directory), "a file", "the directory");
      checkEqual(namesIn(env, `${directory}/a`), "", "the new directory");
    },
  },
  {
    name: "removeDirectory removes empty directories only",
    run(env, directory) {
      env.makeDirectory(`${directory}/a`);
      writeFile(env, `${directory}/a/x`, "abc");
      checkFails(() => env.removeDirectory(`${directory}/a`), ["ENOTEMPTY", "EEXIST"], "removing a full directory");
      checkEqual(textAt(env, `${directory}/a/x`), "abc", "the file in it");
      env.unlink(`${directory}/a/x`);
      env.removeDirectory(`${directory}/a`);
      checkEqual(namesIn(env, directory), "", "the directory around it");
      checkFails(() => env.stat(`${directory}/a`), ["ENOENT"], "stat of the removed directory");
    },
  },
  {
    name: "syncDirectory returns, for an empty directory and for a full one",
    run(env, directory) {
      env.syncDirectory(directory, ANY_BARRIER);
      writeFile(env, `${directory}/a`, "abc");
      env.syncDirectory(directory, ANY_BARRIER);
      checkEqual(namesIn(env, directory), "a", "the directory");
    },
  },
];
