import { facts, markup, renderPage, sectionsMarkup, verdict, type Content, type Markup } from "tinykv/harness";
import type { FindingFile } from "./finding-file.ts";

/** Bytes of an input that are shown; most are a few dozen. */
const SHOWN_BYTES_MAX = 4096;
const ROW_BYTES = 16;

export interface FoundInput {
  readonly finding: FindingFile;
  /** As small as it gets. */
  readonly bytes: Uint8Array;
  /** As it was found. */
  readonly original: Uint8Array;
}

/** What a fuzzer found, as one page that needs nothing else. */
export function findingPage({ finding, bytes, original }: FoundInput): string {
  const { target, problem, seed, executions, replay, condition, stack } = finding;
  const body = [
    verdict("failed", {
      label: `${condition} failed in the decoder of ${target}`,
      title: problem,
      about: "Any bytes are decoded, or refused with a CorruptionError that says where.",
    }),
    facts([
      ["again", markup`<code>${replay}</code>`],
      ["found by", `fuzz ${target}`],
      ["seed", seed],
      ["after", `${executions} executions`],
      ["bytes", `${original.length}, made smaller to ${bytes.length}`],
    ]),
    sectionsMarkup([
      { title: "Input", content: dump(bytes) },
      { title: "Stack", content: stack === undefined ? undefined : markup`<pre>${stack}</pre>` },
      { title: "As it was found", content: original.length === bytes.length ? undefined : dump(original) },
    ]),
  ];
  return renderPage({ title: `${target}: ${problem}`, style: STYLE, body });
}

const STYLE = ".dump { white-space: pre; overflow-x: auto; font-size: .74rem; }";

function dump(bytes: Uint8Array): Content {
  const rows: Markup[] = [];
  for (let at = 0; at < Math.min(bytes.length, SHOWN_BYTES_MAX); at += ROW_BYTES)
    rows.push(row(at, bytes.subarray(at, at + ROW_BYTES)));
  const left = bytes.length - SHOWN_BYTES_MAX;
  return [
    markup`<pre class="dump" tabindex="0" role="region" aria-label="bytes">${rows}</pre>`,
    left > 0 ? markup`<p class="faint">${left} more bytes.</p>` : undefined,
  ];
}

function row(at: number, bytes: Uint8Array): Markup {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = [...bytes].map((byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
  return markup`<span class="faint">${at.toString(16).padStart(6, "0")}</span>  ${hex.padEnd(3 * ROW_BYTES)} ${text}\n`;
}
