// The files of a new project, and the folder into which they are written.

import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CommandError } from "../command-line/command-error.ts";
import { manifestText } from "./manifest.ts";
import type { ProjectPlan } from "./plan.ts";
import { conditionsOf, rendered } from "./render.ts";
import type { Condition } from "./sinks.ts";

const templates = new URL("../../templates/", import.meta.url);

/** A file of the templates. npm leaves files that are named `.gitignore` out of packages. */
interface TemplateFile {
  readonly path: string;
  readonly template?: string;
  /** The project has the file only if this condition holds. */
  readonly when?: Condition;
}

const manifestPath = "package.json";

const templateFiles: readonly TemplateFile[] = [
  { path: ".env.example" },
  { path: ".gitignore", template: "gitignore" },
  { path: "README.md" },
  { path: "cdk.json" },
  { path: "seed.ndjson" },
  { path: "tsconfig.json" },
  { path: "src/environment.ts" },
  { path: "src/pipeline.ts" },
  { path: "src/handler.ts" },
  { path: "src/ensure.ts", when: "ensure" },
  { path: "stack/app.ts" },
  { path: "test/pipeline.test.ts" },
  { path: "test/targets.ts" },
  { path: "test/stand-in.ts", when: "http" },
];

/** A file of a new project. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

const readTemplate = (path: string): Promise<string> => readFile(new URL(path, templates), "utf8");

/** Returns the files of a project. */
export const projectFiles = async (plan: ProjectPlan): Promise<readonly ProjectFile[]> => {
  const { version } = JSON.parse(await readTemplate("../package.json"));
  const conditions = conditionsOf(plan);
  const wanted = templateFiles.filter(({ when }) => when === undefined || conditions.has(when));
  const files = wanted.map(async ({ path, template = path }) => {
    const text = await readTemplate(template);
    return { path, text: path.endsWith(".json") ? text : rendered(text, plan) };
  });
  return [{ path: manifestPath, text: manifestText(plan, version) }, ...(await Promise.all(files))];
};

/** Returns the names in a folder. A folder that does not exist has none. */
const entriesOf = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    if (code === "ENOTDIR") throw new CommandError(`${folder} is a file; expected a folder`, { cause: error });
    throw new CommandError(`${folder} cannot be read: ${code}`, { cause: error });
  }
};

/** What a folder may contain before it gets a project: the folders of Git and of editors, and a licence. */
const isHarmless = (entry: string): boolean => entry.startsWith(".") || /^LICEN[CS]E/i.test(entry);

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Throws if the folder has files that a project can have, or other files. */
export const checkFolder = async (folder: string): Promise<void> => {
  const entries = await entriesOf(folder);
  const paths = [manifestPath, ...templateFiles.map(({ path }) => path)];
  const found = await Promise.all(paths.map((path) => exists(join(folder, path))));
  const present = paths.filter((_, index) => found[index]);
  if (present.length > 0) {
    throw new CommandError(
      `${folder} has ${present.join(", ")} already; expected an empty folder. Nothing was written`,
    );
  }
  const others = entries.filter((entry) => !isHarmless(entry)).sort();
  if (others.length === 0) return;
  const shown = others.slice(0, 5).join(", ");
  throw new CommandError(
    `${folder} is not empty: it has ${shown}${others.length > 5 ? ", …" : ""}; expected an empty folder. Nothing was written`,
  );
};

/** Writes the files. Never overwrites a file. */
export const writeFiles = async (folder: string, files: readonly ProjectFile[]): Promise<void> => {
  for (const { path, text } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text, { flag: "wx" });
  }
};
