// Runs program.ts in a separate Node process.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The line that program.ts printed. */
export interface Printed {
  readonly ports?: readonly string[];
  readonly code?: string;
  readonly message?: string;
}

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export const runProgram = async (
  engines: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ child: ChildProcess; printed: Printed }> => {
  const args = [
    "--conditions=@sluice/source",
    `--import=${pathOf("../../../../scripts/strip-types.js")}`,
    pathOf("program.ts"),
  ];
  const child = spawn(process.execPath, [...args, ...engines], { env, stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, printed: JSON.parse(line.toString()) as Printed };
};
