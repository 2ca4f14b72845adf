// Where the code of the functions is, for tools that bundle them.

import { fileURLToPath } from "node:url";

/** Functions that need no code of the user's: environment variables configure them. */
export type FunctionName =
  | "inspection"
  | "approval-request"
  | "approval-page"
  | "batch"
  | "report"
  | "backfill-report"
  | "verify-report";

/** Returns the path of a module of this package. It has the extension of this module: `.ts` in `src`, `.js` in `dist`. */
const pathOf = (name: string): string => {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf("."));
  return fileURLToPath(new URL(`${name}${extension}`, import.meta.url));
};

/** Returns the path of the file that exports the `handler` of a function. */
export const functionEntry = (name: FunctionName): string => pathOf(`./${name}`);

/** Returns the path of the module that the generated entry of a plan or a worker imports. */
export const copyModule = (): string => pathOf("./copy");
