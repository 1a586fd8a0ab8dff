// Directories that a command makes for itself and removes at its end, and the processes that it starts, in one place: what is
// left of them when the command is told to end (SIGINT, SIGTERM, SIGHUP) or killed is cleared up behind it.
//
// The command cannot do that itself: while it waits for an answer or compares, no handler of a signal runs. So a shell waits
// until the command is gone, kills the processes that stand below its root, unmounts what is mounted there and removes it.
// The root is named in the environment: threads and processes of the command make their directories below the same one.
//
//   tinykv-harness-PID-RANDOM/            in memory, and in the directory for temporary files
//     tinykv-run-…, tinykv-kill-…         made by makeScratch()
//     processes/PID                       an empty file; the process, and its group if it has one, is to be killed
//
// Where there is /proc, whatever has that name in its environment is killed: a process may have been started so late that
// nobody could write it down.

import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fastDirectory } from "./fast-directory.ts";

/** The name of the root, in the environment of the command. */
const ROOT = "TINYKV_HARNESS_SCRATCH";
const PROCESSES = "processes";

/** A tenth of a second each: longer than a process takes to die on a busy machine. */
const SWEEPS_MOST = 100;
/** So many in a row must find nothing: a process that is just being started shows no environment. */
const CLEAN_SWEEPS = 3;

// Its words are the name and the roots. What a process that is being killed still makes is removed a tenth of a second later.
const SWEEP = `
name=$1
shift
living() {
  [ -r /proc/self/environ ] || return
  for file in $(grep -lasz -- "^${ROOT}=$name$" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    echo "\${pid%/environ}"
  done
}
while read -r _; do :; done
for root; do
  for file in "$root"/${PROCESSES}/*; do
    [ -e "$file" ] || continue
    pid=\${file##*/}
    kill -9 -- "-$pid" || kill -9 "$pid"
  done
done
mounted=
[ -r /proc/mounts ] && while read -r _ at _; do
  for root; do
    case $at in "$root"/*) mounted="$at
$mounted" ;; esac
  done
done </proc/mounts
printf %s "$mounted" | while read -r at; do umount "$at" || { sleep 0.1; umount "$at"; } || umount -l "$at"; done
left=${SWEEPS_MOST}
clean=0
while [ "$left" -gt 0 ]; do
  rm -rf -- "$@"
  there=
  for root; do [ -e "$root" ] && there=1; done
  for pid in $(living); do kill -9 "$pid" && there=1; done
  if [ -n "$there" ]; then clean=0; else clean=$((clean + 1)); fi
  [ "$clean" -lt ${CLEAN_SWEEPS} ] || exit 0
  sleep 0.1
  left=$((left - 1))
done
`;

/** To be called once, by the process of a command: from now on nothing stays behind it, however it ends. */
export function sweepAtEnd(): void {
  // A command that another one started is a part of that one.
  if (process.env[ROOT] !== undefined) return;
  const name = `tinykv-harness-${process.pid}-${randomUUID().slice(0, 8)}`;
  const roots = [...new Set([fastDirectory(), tmpdir()])].map((place) => join(place, name));
  // Detached: what a terminal tells the command it does not hear.
  const shell = spawn("sh", ["-c", SWEEP, "sh", name, ...roots], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Without a shell there is nobody to clear up, and no other harm.
  shell.on("error", () => undefined);
  shell.unref();
  (shell.stdin as Socket).unref();
  // Behind the start of the shell: it and what it calls are not to be found by it.
  process.env[ROOT] = name;
  process.once("exit", () => roots.forEach(removeEmpty));
}

// The shell would remove it too, a moment behind the end.
function removeEmpty(root: string): void {
  for (const directory of [join(root, PROCESSES), root]) {
    try {
      rmdirSync(directory);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ENOTEMPTY") throw error;
    }
  }
}

/** In the environment of a process that is to go on behind the command, as what shows a page to somebody. */
export const OUTLIVING_ENV: Readonly<Record<string, undefined>> = { [ROOT]: undefined };

/** A fresh directory, whose name begins with `prefix`; in memory, or in `place`. Whoever asks for it removes it. */
export function makeScratch(prefix: string, place: string = fastDirectory()): string {
  return mkdtempSync(join(rootIn(place), prefix));
}

// Without a command (tests, programs that import this) there is no root.
function rootIn(place: string): string {
  const name = process.env[ROOT];
  if (name === undefined) return place;
  const root = join(place, name);
  mkdirSync(root, { recursive: true });
  return root;
}

/** This process, and its group if it leads one, is not to outlive the command. */
export function endWithCommand(pid: number): void {
  if (process.env[ROOT] === undefined) return;
  const file = processFile(pid);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, "");
}

/** It has ended: its number may become another's. */
export function hasEnded(pid: number): void {
  if (process.env[ROOT] !== undefined) rmSync(processFile(pid), { force: true });
}

/** The same for a child, until it has ended. */
export function endChildWithCommand(child: Pick<ChildProcess, "pid" | "once">): void {
  const { pid } = child;
  // One that could not be started has none.
  if (pid === undefined) return;
  endWithCommand(pid);
  child.once("exit", () => hasEnded(pid));
}

function processFile(pid: number): string {
  return join(rootIn(fastDirectory()), PROCESSES, String(pid));
}
