// Opens an address in the user's browser.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const programs: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** A file that leads to an address, which only this user can read. */
export interface RedirectFile {
  readonly path: string;
  readonly close: () => Promise<void>;
}

/** Writes a page that leads to an address. The list of processes is readable for all users, and must not have the address's token. */
export const writeRedirect = async (address: string): Promise<RedirectFile> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-open-"));
  const path = join(folder, "console.html");
  const page = `<!doctype html><meta charset="utf-8"><title>Sluice</title><meta http-equiv="refresh" content="0;url=${escaped(address)}">\n`;
  await writeFile(path, page, { mode: 0o600 });
  return { path, close: () => rm(folder, { recursive: true, force: true }) };
};

/**
 * Opens an address in the user's browser. Returns the file that leads to it, which must be closed.
 * @throws {Error} when the machine has no program that opens a page
 */
export const openBrowser = async (address: string): Promise<RedirectFile> => {
  const file = await writeRedirect(address);
  const [program, ...args] = programs[process.platform] ?? ["xdg-open"];
  const child = spawn(program, [...args, pathToFileURL(file.path).href], { stdio: "ignore", detached: true });
  try {
    await once(child, "spawn");
    child.unref();
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
};
