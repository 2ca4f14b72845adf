// Opens an address in the user's browser.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Resources } from "../pipeline-command/resources.ts";

const programs: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** Writes a page that leads to an address, for this user only. Returns its path, and the function that removes it. */
export const writeRedirect = async (
  address: string,
): Promise<{ readonly path: string; readonly close: () => Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-open-"));
  const path = join(folder, "console.html");
  const page = `<!doctype html><meta charset="utf-8"><title>Sluice</title><meta http-equiv="refresh" content="0;url=${escaped(address)}">\n`;
  await writeFile(path, page, { mode: 0o600 });
  return { path, close: () => rm(folder, { recursive: true, force: true }) };
};

/**
 * Opens an address in the user's browser. The browser's argument is a file that leads to the address: all users of a
 * machine can read the arguments of its processes, and the address has a token. Without a browser, says so.
 */
export const openBrowser = async (address: string, opened: Resources, say: (line: string) => void): Promise<void> => {
  const { path } = opened.add(await writeRedirect(address));
  const [program, ...args] = programs[process.platform] ?? ["xdg-open"];
  const child = spawn(program, [...args, pathToFileURL(path).href], { stdio: "ignore", detached: true });
  child.on("error", () => say("no browser could be opened; open the address above"));
  child.unref();
};
