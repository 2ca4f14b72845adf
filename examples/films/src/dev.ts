// `npm run dev`: runs `sluice dev` with the films as seed, and changes films while it runs.
//
//   --opensearch  runs the pipeline of search.ts, too; OpenSearch takes about twenty seconds longer to start
//   --quiet       changes no films
//   others        are options of `sluice dev`

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { loadFilms, writeSeed } from "./film-items.ts";
import { writeFilms } from "./writer.ts";

const here = fileURLToPath(new URL("..", import.meta.url));
const pathOf = (file: string): string => relative("", join(here, file));
const seed = pathOf(".cache/films.ndjson");
const command = join(dirname(createRequire(import.meta.url).resolve("@sluice/cli/package.json")), "bin/sluice.js");

const given = process.argv.slice(2);
const modules = ["src/films.ts", ...(given.includes("--opensearch") ? ["src/search.ts"] : [])].map(pathOf);
const options = given.filter((option) => option !== "--opensearch" && option !== "--quiet");

const films = await loadFilms();
await writeSeed(seed, films);

const child = spawn(process.execPath, [command, "dev", ...modules, "--seed", seed, ...options], {
  stdio: ["inherit", "pipe", "inherit"],
});
const ended = new AbortController();
const stop = (): void => ended.abort();
child.once("exit", stop);
// Ctrl-C reaches the child, too. This program ends when the child has stopped its engines.
process.on("SIGINT", stop);
process.on("SIGTERM", () => {
  stop();
  child.kill("SIGTERM");
});

let isWriting = given.includes("--quiet");
const startWriter = (endpoint: string): void => {
  isWriting = true;
  writeFilms(endpoint, films, ended.signal).catch((error: unknown) => {
    process.stderr.write(`no more films are changed: ${error instanceof Error ? error.message : String(error)}\n`);
  });
};

createInterface({ input: child.stdout }).on("line", (line) => {
  process.stdout.write(`${line}\n`);
  const [, endpoint] = /--endpoint-url (\S+) dynamodb /.exec(line) ?? [];
  if (endpoint !== undefined && !isWriting) startWriter(endpoint);
});
const [code] = await once(child, "exit");
process.exitCode = code ?? 130;
