// `sluice init`: writes the files of a new project.

import { basename, relative, resolve } from "node:path";
import { exitCodes } from "../command-line/command-error.ts";
import { canAsk } from "../terminal/question.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { checkFolder, type ProjectFile, projectFiles, writeFiles } from "./files.ts";
import { type InitOptions, initHelp, initOptions } from "./options.ts";
import { keyIn, type ProjectPlan, projectName, sinksIn, tableName } from "./plan.ts";
import { type Ask, acceptAll, withQuestions } from "./questions.ts";
import { sinkNames } from "./sinks.ts";

const ifGiven = <Value>(text: string | undefined, read: (given: string) => Value): Value | undefined =>
  text === undefined ? undefined : read(text);

const planOf = async (options: InitOptions, ask: Ask): Promise<ProjectPlan> => {
  const name = projectName(options.name ?? basename(resolve(options.folder)));
  // All given options are checked before the first question.
  const table = ifGiven(options.table, tableName);
  const key = ifGiven(options.key, keyIn);
  const sinks = ifGiven(options.sinks, sinksIn);
  return {
    name,
    table: table ?? (await ask("Name of the DynamoDB table?", name, tableName)),
    key: key ?? (await ask("Its key, such as id, or pk,sk?", "id", keyIn)),
    sinks: sinks ?? (await ask(`Targets, of ${sinkNames.join(", ")}?`, "postgres", sinksIn)),
  };
};

const makePlan = (options: InitOptions): Promise<ProjectPlan> =>
  options.takesDefaults || !canAsk() ? planOf(options, acceptAll) : withQuestions((ask) => planOf(options, ask));

const printResult = (folder: string, files: readonly ProjectFile[], terminal: Terminal): void => {
  const place = relative("", folder);
  terminal.out(`${files.length} files in ${place || "this folder"}:`);
  for (const { path } of files) terminal.out(`  ${path}`);
  terminal.out("");
  terminal.out("next:");
  terminal.out(
    `  ${place === "" ? "" : `cd ${/^[\w./-]+$/.test(place) ? place : JSON.stringify(place)} && `}npm install`,
  );
  terminal.out("  npm run dev");
  terminal.out("  npm test");
  terminal.out("README.md says what comes then.");
};

/** Runs `sluice init`. Returns the exit code. @throws {CommandError} if an argument is wrong or the folder has files */
export const initCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = initOptions(args);
  if (options === undefined) {
    for (const line of initHelp.split("\n")) terminal.out(line);
    return exitCodes.done;
  }
  await checkFolder(options.folder);
  const files = await projectFiles(await makePlan(options));
  await writeFiles(options.folder, files);
  printResult(options.folder, files, terminal);
  return exitCodes.done;
};
