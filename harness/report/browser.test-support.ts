// Chromium without a window, by its DevTools protocol over a pipe: JSON with a zero byte behind each message.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { execa } from "execa";

/** Under these names it may be installed already. */
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
/** For apt-get to bring it: 35 s where it was measured, on two busy cores. */
const INSTALL_MILLISECONDS = 150_000;
/** Nothing that is asked here takes a second. */
const ANSWER_MILLISECONDS = 20_000;

/** The program, which apt-get installs where it may; or why there is none. */
export async function findBrowser(): Promise<{ readonly program: string } | { readonly missing: string }> {
  const program = await installed();
  if (program !== undefined) return { program };
  if (process.getuid?.() !== 0) return { missing: "Chromium is not installed, and only root may install it" };
  const apt = "apt-get -qq -o DPkg::Lock::Timeout=60 -o Acquire::Retries=0 -o Acquire::http::Timeout=15";
  const line = `${apt} update && ${apt} install -y --no-install-recommends chromium`;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const { exitCode, stderr, shortMessage } = await execa("sh", ["-c", line], {
    env,
    timeout: INSTALL_MILLISECONDS,
    reject: false,
  });
  const found = exitCode === 0 ? await installed() : undefined;
  if (found !== undefined) return { program: found };
  return { missing: `Chromium cannot be installed: ${stderr?.trim().split("\n").at(-1) || shortMessage}` };
}

async function installed(): Promise<string | undefined> {
  for (const name of NAMES) if ((await execa(name, ["--version"], { reject: false })).exitCode === 0) return name;
  return undefined;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly sessionId?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** What a page is shown with. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly print?: boolean;
}

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  #next = 1;
  #rest = "";

  constructor(program: string) {
    this.#profile = mkdtempSync(join(tmpdir(), "tinykv-browser-"));
    const args = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--remote-debugging-pipe",
      `--user-data-dir=${this.#profile}`,
    ];
    this.#child = spawn(program, args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    (this.#child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => this.#hear(text));
  }

  /** A page on a file, shown on a screen. */
  async open(file: string, screen: Screen): Promise<BrowserPage> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new BrowserPage(this, sessionId as string);
    await page.load(pathToFileURL(file).href, screen);
    return page;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    await this.send("Browser.close", {});
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  listen(listener: (message: Message) => void): void {
    this.#listeners.add(listener);
  }

  send(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${method} was not answered`)), ANSWER_MILLISECONDS);
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(late);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result ?? {});
      });
      const message = JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) });
      (this.#child.stdio[3] as Writable).write(`${message}\0`);
    });
  }

  #hear(text: string): void {
    const messages = (this.#rest + text).split("\0");
    this.#rest = messages.pop()!;
    for (const one of messages) {
      const message = JSON.parse(one) as Message;
      if (message.id === undefined) for (const listener of this.#listeners) listener(message);
      else this.#waiting.get(message.id)?.(message);
    }
  }
}

export class BrowserPage {
  /** Whatever it asked the network for, but itself. */
  readonly requests: string[] = [];
  /** What it wrote to the console, or threw. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #session: string;

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  async load(url: string, screen: Screen): Promise<void> {
    const loaded = new Promise<void>((resolve) => {
      this.#browser.listen(({ sessionId, method, params }) => {
        if (sessionId !== this.#session) return;
        if (method === "Page.loadEventFired") resolve();
        if (
          method === "Runtime.exceptionThrown" ||
          method === "Log.entryAdded" ||
          method === "Runtime.consoleAPICalled"
        )
          this.complaints.push(JSON.stringify(params));
        const request = (params as { request?: { url: string } } | undefined)?.request;
        if (method === "Network.requestWillBeSent" && request?.url !== url) this.requests.push(request!.url);
      });
    });
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.#send(`${domain}.enable`, {});
    const { width, height, dark = false, print = false } = screen;
    const mobile = width < 600;
    await this.#send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await this.#send("Emulation.setEmulatedMedia", { media: print ? "print" : "screen", features });
    await this.#send("Page.navigate", { url });
    await loaded;
  }

  /** The value of an expression on the page. */
  async value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", { expression, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** The page as a PNG; all of it, or so many pixels from `y` on. */
  async picture(part?: { readonly y: number; readonly width: number; readonly height: number }): Promise<Buffer> {
    const clip = part && { clip: { x: 0, scale: 1, ...part } };
    const { data } = await this.#send("Page.captureScreenshot", { captureBeyondViewport: true, ...clip });
    return Buffer.from(data as string, "base64");
  }

  async pdf(): Promise<Buffer> {
    const { data } = await this.#send("Page.printToPDF", { printBackground: true, preferCSSPageSize: true });
    return Buffer.from(data as string, "base64");
  }

  #send(method: string, params: object): Promise<Record<string, unknown>> {
    return this.#browser.send(method, params, this.#session);
  }
}
