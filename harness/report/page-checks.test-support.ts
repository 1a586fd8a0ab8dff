// What is wrong with a page as a browser shows it, in words: nothing wider than the screen, no text on another, nothing
// hidden, enough contrast, names for everything that is looked at.

import type { Browser, BrowserPage, Screen } from "./browser.test-support.ts";

/** WCAG 2, level AA; large letters may have less. */
const CONTRAST_LEAST = 4.5;
/** Letters of neighbouring lines may touch. */
const OVERLAP_PIXELS_MAX = 2;

/** A phone, by day and by night, a desk, a sheet of paper (A4 without its margins). */
export const SCREENS: readonly Screen[] = [
  { width: 390, height: 844 },
  { width: 390, height: 844, dark: true },
  { width: 1280, height: 800 },
  { width: 718, height: 1000, print: true },
];

/** Opens a page on every screen; what is wrong with it anywhere. */
export async function pageProblems(browser: Browser, file: string): Promise<string[]> {
  const problems: string[] = [];
  for (const screen of SCREENS) {
    const page = await browser.open(file, screen);
    const { width, dark = false, print = false } = screen;
    const where = `${width} px${dark ? ", dark" : ""}${print ? ", printed" : ""}`;
    const found = [...(await shown(page)), ...page.requests.map((url) => `asks for ${url}`), ...page.complaints];
    problems.push(...found.map((problem) => `${where}: ${problem}`));
  }
  return problems;
}

function shown(page: BrowserPage): Promise<string[]> {
  return page.value<string[]>(`(${CHECK})(${CONTRAST_LEAST}, ${OVERLAP_PIXELS_MAX})`);
}

// Runs on the page: there are no types of a browser here.
const CHECK = String.raw`(contrastLeast, overlapMax) => {
  const problems = [];
  const root = document.scrollingElement;
  if (root.scrollWidth > innerWidth) problems.push("is " + root.scrollWidth + " px wide");
  const isPrint = matchMedia("print").matches;

  // Texts and the boxes of their lines.
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.trim();
    const parent = node.parentElement;
    if (text === "" || parent.closest("title, style")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((box) => box.width > 0 && box.height > 0);
    if (boxes.length === 0) problems.push("nobody sees " + JSON.stringify(text.slice(0, 40)));
    for (const box of boxes) texts.push({ text: text.slice(0, 40), parent, box });
  }
  texts.sort((a, b) => a.box.top - b.box.top);
  texts.forEach((a, i) => {
    for (let j = i + 1; j < texts.length && texts[j].box.top < a.box.bottom - overlapMax; j++) {
      const b = texts[j];
      if (a.parent.closest(".wide, .dump") !== b.parent.closest(".wide, .dump")) continue;
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (across > overlapMax && down > overlapMax)
        problems.push(JSON.stringify(a.text) + " lies on " + JSON.stringify(b.text));
    }
  });
  for (const { text, parent, box } of texts) {
    const inBox = !isPrint && parent.closest(".wide, .dump");
    if (!inBox && (box.left < -1 || box.right > innerWidth + 1)) problems.push(JSON.stringify(text) + " leaves the screen");
  }

  // Contrast of letters and what they stand on.
  const rgb = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgb(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const seen = new Set();
  for (const { text, parent } of texts) {
    const style = getComputedStyle(parent);
    const ink = rgb(parent.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(ink), light(groundOf(parent))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    const kind = parent.tagName + parent.className + ink;
    if (contrast < contrastLeast && !seen.has(kind))
      problems.push("contrast " + contrast.toFixed(2) + " of " + JSON.stringify(text));
    seen.add(kind);
    if (parseFloat(style.fontSize) < 10.5) problems.push("letters of " + style.fontSize + ": " + JSON.stringify(text));
  }

  // Names for those who do not see.
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption?.textContent) problems.push("a table without a caption");
    if (!table.querySelector("thead th[scope=col]")) problems.push("a table whose columns have no names");
  }
  for (const svg of document.querySelectorAll("svg[role=img]"))
    if (!svg.getAttribute("aria-label")) problems.push("a picture without a name");
  for (const link of document.querySelectorAll("a[href^='#']"))
    if (!document.getElementById(link.hash.slice(1))) problems.push("a link to nowhere: " + link.hash);
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  if (new Set(ids).size < ids.length) problems.push("two parts with one id");
  if (document.querySelectorAll("h1").length !== 1) problems.push("not one h1");
  return problems;
}`;
