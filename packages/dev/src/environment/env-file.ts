// Reads variables: files with lines NAME=VALUE, and values that refer to other variables.

import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { DevError } from "../dev-error.ts";

/** Variables by name. */
export type Variables = Readonly<Record<string, string>>;

/** Reads a file with variables. @throws {DevError} DEV_INVALID when it cannot be read */
export const readEnvFile = async (path: string): Promise<Variables> => {
  try {
    return parseEnv(await readFile(path, "utf8")) as Variables;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new DevError(`the file of variables ${path} cannot be read: ${code}; expected lines NAME=VALUE`, { cause });
  }
};

const reference = /\$(?:\{(\w+)\}|([A-Za-z_]\w*))/g;

/** Replaces `$NAME` and `${NAME}` in values by the variables of these names; names that are not known stay as they are. */
export const resolveReferences = (values: Variables, known: Readonly<Record<string, string | undefined>>): Variables =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      value.replace(reference, (text, braced?: string, plain?: string) => known[braced ?? plain ?? ""] ?? text),
    ]),
  );
