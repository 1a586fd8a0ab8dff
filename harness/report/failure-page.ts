// The page of a kept failure: what it broke, what was done, what the crash met and left. What is not known of a failure is
// not on its page.

import type { KeptFailure } from "../artifact-files.ts";
import { CONDITIONS } from "../conditions.ts";
import { barrierLine } from "../crash/crash-account.ts";
import { STORE } from "../crash/recorded-run.ts";
import type { KeyDifference } from "../diagnosis.ts";
import { crashSections, CRASH_STYLE } from "./crash-sections.ts";
import { levelsOf, levelsSection, shortKey } from "./levels.ts";
import { markup, type Content, type Markup } from "./markup.ts";
import { operationsSection } from "./operations.ts";
import { renderPage, table } from "./page.ts";
import { breakable, facts, sectionsMarkup, verdict, type Section } from "./sections.ts";

const STYLE = `
.hint { border-left: 5px solid var(--seen); padding: .1rem 0 .1rem 1rem; margin: 1.2rem 0; }
${CRASH_STYLE}`;

/** A failure without a crash may concern hundreds of keys. */
const KEYS_MAX = 100;

export function failurePage(kept: KeptFailure): string {
  const { failure, story } = kept;
  const { condition, phase, message, keys } = story?.failure ?? failure;
  const sections: Section[] = [
    { title: "Operations", content: operationsSection(kept) },
    ...crashSections(kept),
    { title: "Keys that differ", content: keysSection(keys) },
    { title: "Levels", content: levels(kept) },
    { title: "Stack", content: failure.stack === undefined ? undefined : markup`<pre>${failure.stack}</pre>` },
    { title: "Account", content: story || !kept.account ? undefined : markup`<pre>${kept.account.join("\n")}</pre>` },
    { title: "Beside this page", content: filesSection(kept.names) },
  ];
  const body = [
    verdict("failed", {
      label: `${condition} failed in phase ${phase}`,
      title: message,
      about: `${condition} demands: ${CONDITIONS[condition]}.`,
    }),
    hint(kept),
    factsOf(kept),
    sectionsMarkup(sections),
  ];
  return renderPage({ title: `${condition}: ${message}`, style: STYLE, body });
}

function factsOf({ failure, header, shrunk, lines }: KeptFailure): Markup {
  const { replay, command, config } = failure;
  const fails = shrunk && shrunk.header.config !== config ? `; what is left fails under ${shrunk.header.config}` : "";
  const rows: (readonly [string, Content])[] = [
    ["again", markup`<code>${replay}</code>`],
    ...(command === "" || command === replay ? [] : [["the search", markup`<code>${command}</code>`] as const]),
    ["found by", failure.campaign],
    ["seed", failure.seed],
    ["workload", failure.workload || "none"],
    ["configuration", breakable(config + fails)],
    ["engine", `${header.engine}, ${header.versions.replace(":", " ")}`],
    ["operations", shrunk ? `${lines.length}, made smaller to ${shrunk.ops.length}` : `${lines.length}`],
    ...(failure.op === undefined ? [] : [["it showed in", `operation ${failure.op}`] as const]),
  ];
  return facts(rows);
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function hint({ story, trace }: KeptFailure): Content {
  if (!story?.barrier || !trace) return undefined;
  const line = sentence(barrierLine(story.barrier, trace));
  return markup`<aside class="hint"><p><strong>One sync is missing.</strong> ${line}.</p></aside>`;
}

function keysSection(keys: readonly KeyDifference[]): Content {
  if (keys.length === 0) return undefined;
  const rows = keys
    .slice(0, KEYS_MAX)
    .map(({ key, expected, found }) => [
      shortKey(key),
      expected ? `value ${expected.id} of life ${expected.incarnation}, of length ${expected.length}` : "nothing",
      markup`<span class="bad">${found}</span>`,
    ]);
  const columns = [{ label: "key", kind: "code" as const }, { label: "expected" }, { label: "found" }];
  const caption = "Beside the nearest state that is allowed; a value is named by the operation that wrote it";
  return table({ name: "keys that differ", caption, columns, rows });
}

function levels({ files }: KeptFailure): Content {
  if (!files) return undefined;
  const isImage = files.has(`${STORE}/CURRENT`);
  const found = levelsOf(files, isImage ? STORE : "");
  const what = isImage ? "Of the store that the crash left" : "Of the store as it was left";
  return found === undefined ? undefined : levelsSection(found, files, what);
}

function filesSection(names: readonly string[]): Markup {
  const others = names.filter((name) => name !== "report.html");
  return markup`<ul class="files">${others.map((name) => markup`<li><a href="${encodeURIComponent(name)}">${name}</a> ${FILES[name]}</li>`)}</ul>`;
}

const FILES: Readonly<Record<string, string>> = {
  "ops.txt": "the operations as they were found",
  "shrunk.txt": "what is left of them",
  "trace.txt": "every call, with its bytes",
  "account.txt": "this page in plain words",
  "story.json": "this page as data",
  "failure.json": "what failed, and where",
  "command.txt": "the search that found it",
  image: "the disk as the crash left it",
  store: "the store as it was left",
  "store.check": "the copy that was checked",
  "lives.json": "what each process did, and what of it returned",
  "driver-lives.json": "what each process did, and what of it returned",
  "window.json": "what the image was judged by",
};
