// A folder with a user's modules, and a worker program that loads them.

import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const modules = fileURLToPath(new URL("../../../../node_modules", import.meta.url));
const worker = new URL("../../dist/worker/index.js", import.meta.url).href;

/** Loads a module as the command does, without TypeScript. */
const program = `
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { serveWorker } from ${JSON.stringify(worker)};

const load = async (path) => {
  const [file, name] = path.split("#");
  const exports = await import(pathToFileURL(resolve(file)).href);
  const pipeline = name ? exports[name] : Object.values(exports).find((one) => one?.targets);
  if (!pipeline) throw new Error("there is no pipeline");
  return { pipeline, exports };
};
serveWorker({
  load,
  methods: (_, place) => ({
    place: async () => place,
    environment: async (names) => Object.fromEntries(names.map((name) => [name, process.env[name] ?? null])),
    count: async (most, { onProgress, signal }) => {
      for (let done = 0; done < most && !signal.aborted; done += 1) {
        onProgress(done);
        await new Promise((next) => setTimeout(next, 20));
      }
      return signal.aborted ? "aborted" : "done";
    },
    fail: async () => {
      throw Object.assign(new TypeError("refused"), { code: "NO" });
    },
    pid: async () => process.pid,
    loop: async () => {
      for (;;);
    },
  }),
});
`;

/** A folder with modules. */
export interface Workspace {
  readonly folder: string;
  readonly worker: URL;
  readonly path: (name: string) => string;
  /** Writes a file as an editor does: another file takes its name. */
  readonly write: (name: string, text: string) => Promise<void>;
  readonly remove: () => Promise<void>;
}

/** Creates a folder from which the packages of this repository can be imported. */
export const createWorkspace = async (): Promise<Workspace> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-dev-test-"));
  await symlink(modules, join(folder, "node_modules"));
  const path = (name: string): string => join(folder, name);
  const write = async (name: string, text: string): Promise<void> => {
    await mkdir(dirname(path(name)), { recursive: true });
    await writeFile(path(`${name}.part`), text);
    await rename(path(`${name}.part`), path(name));
  };
  await write("worker.mjs", program);
  return {
    folder,
    worker: new URL(`file://${path("worker.mjs")}`),
    path,
    write,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
