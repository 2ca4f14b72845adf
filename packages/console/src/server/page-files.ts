// The files of the page, as scripts/build-console.js made them.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the built page: the same from `src` and from `dist`. */
export const builtPage: string = fileURLToPath(new URL("../../dist/page", import.meta.url));

/** Addresses of the page. The page itself shows the screen that an address names. */
const screens: ReadonlySet<string> = new Set(["/", "/changes", "/item", "/dead-letters", "/runs", "/doctor"]);

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** A file of the page. */
export interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
}

/** Only names without a folder are files of the page. */
const fileOf = (path: string): string | undefined => {
  if (screens.has(path)) return "index.html";
  return /^\/[a-z0-9-]+\.(js|css|svg|png)$/.test(path) ? path.slice(1) : undefined;
};

const isMissing = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";

/** Reads the file of an address. Undefined: no such address, or no such file. */
export const pageFile = async (folder: string, path: string): Promise<PageFile | undefined> => {
  const name = fileOf(path);
  if (name === undefined) return undefined;
  try {
    const body = new Uint8Array(await readFile(join(folder, name)));
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    return { body, etag, type: types[extname(name)] ?? "application/octet-stream" };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** Whether an address shows a screen. */
export const isScreen = (path: string): boolean => screens.has(path);

/** What a browser shows if the page was not built. */
export const unbuiltPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sluice</title></head>
<body><h1>The page of the console is missing</h1>
<p>Expected the file dist/page/index.html in the package @sluice/console.</p>
<p>In a clone of the repository, <code>npm run build</code> makes it. Otherwise, install the package again.</p>
</body></html>
`;
