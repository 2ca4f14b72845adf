// Chromium for tests of the console's page.

import { access } from "node:fs/promises";
import { EngineMissingError } from "@sluice/local";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** How a page is shown. */
export interface ShowOptions {
  /** Default 1280. */
  readonly width?: number;
  /** Default 900. */
  readonly height?: number;
  /** Default `light`. */
  readonly colorScheme?: "light" | "dark";
  readonly reducedMotion?: "reduce" | "no-preference";
  /** Device pixels for each pixel of CSS. Default 1. */
  readonly scale?: number;
  /** Further options of the context. */
  readonly context?: BrowserContextOptions;
}

/** What a page did without a sign. */
export interface PageRecord {
  /** Every message of the page's console, and every error that the page did not catch. */
  readonly messages: readonly string[];
  /** The messages that are errors or warnings, and the uncaught errors. */
  readonly errors: readonly string[];
  /** What the content security policy forbade. */
  readonly violations: readonly string[];
  /** Every address that was asked for. */
  readonly requests: readonly string[];
  /** Addresses on other machines that were asked for. Chromium finds no machine but this one. */
  readonly foreign: readonly string[];
}

/** A page in a context of its own: no other page shares its storage. */
export interface ShownPage {
  readonly page: Page;
  readonly record: PageRecord;
  /** A further page in the same context, as a second tab. */
  readonly tab: () => Promise<Page>;
  readonly close: () => Promise<void>;
}

/** A running Chromium. */
export interface Chromium {
  readonly browser: Browser;
  readonly show: (options?: ShowOptions) => Promise<ShownPage>;
  readonly stop: () => Promise<void>;
}

/** Options of `startChromium`. */
export interface ChromiumOptions {
  /** Names of hosts that lead to this machine, as those of an attacker who rebinds his name. */
  readonly hosts?: readonly string[];
}

const quietArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const here = ["127.0.0.1", "localhost", "[::1]"];

const isHere = (address: string, hosts: readonly string[]): boolean => {
  const { protocol, hostname } = new URL(address);
  return ["data:", "blob:", "about:"].includes(protocol) || [...here, ...hosts].includes(hostname);
};

const executable = async (): Promise<string> => {
  const path = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
  try {
    await access(path);
    return path;
  } catch (cause) {
    throw new EngineMissingError(
      `Chromium is not installed: ${path} does not exist. Run apt-get install chromium fonts-dejavu-core, or name the program in CHROMIUM_PATH.`,
      { cause },
    );
  }
};

type Notes = Record<keyof PageRecord, string[]>;

const listen = (page: Page, notes: Notes): void => {
  page.on("console", (message) => {
    notes.messages.push(message.text());
    if (["error", "warning"].includes(message.type())) notes.errors.push(message.text());
  });
  page.on("pageerror", (error) => {
    notes.messages.push(String(error));
    notes.errors.push(String(error));
  });
};

const reportName = "reportPolicyViolation";

/** Reports what the content security policy forbids: Chromium tells it only to the page. */
const watchPolicy = async (context: BrowserContext, notes: Notes): Promise<void> => {
  await context.exposeFunction(reportName, (violation: string) => notes.violations.push(violation));
  await context.addInitScript((name) => {
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sourceFile }) => {
      const report = (globalThis as unknown as Record<string, (violation: string) => void>)[name];
      report?.(`${effectiveDirective} ${blockedURI} ${sourceFile}`);
    });
  }, reportName);
};

const open = async (browser: Browser, hosts: readonly string[], options: ShowOptions): Promise<ShownPage> => {
  const { width = 1280, height = 900, colorScheme = "light", reducedMotion = "no-preference", scale = 1 } = options;
  const viewport = { width, height };
  const looks = { viewport, colorScheme, reducedMotion, deviceScaleFactor: scale };
  const context = await browser.newContext({ ...looks, ...options.context });
  const notes: Notes = { messages: [], errors: [], violations: [], requests: [], foreign: [] };
  context.on("page", (page) => listen(page, notes));
  context.on("request", (request) => {
    notes.requests.push(request.url());
    if (!isHere(request.url(), hosts)) notes.foreign.push(request.url());
  });
  await watchPolicy(context, notes);
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  return { page, record: notes, tab: () => context.newPage(), close: () => context.close() };
};

/**
 * Starts Chromium. It reaches this machine and no other: every other name of a host is unknown.
 * @throws {EngineMissingError} when Chromium is not installed: pass the function to `engineOrSkip`.
 */
export const startChromium = async ({ hosts = [] }: ChromiumOptions = {}): Promise<Chromium> => {
  const excluded = here.map((host) => `EXCLUDE ${host}`);
  const rules = [...hosts.map((host) => `MAP ${host} 127.0.0.1`), "MAP * ~NOTFOUND", ...excluded];
  const browser = await chromium.launch({
    executablePath: await executable(),
    timeout: 120_000,
    args: [...quietArguments, `--host-resolver-rules=${rules.join(", ")}`],
  });
  return { browser, show: (options = {}) => open(browser, hosts, options), stop: () => browser.close() };
};
