// Keeps the output of the user's own code apart from the command's results, which a program may read.

import { plainLines } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

/** The text of a chunk that is written to a stream. */
const textOf = (chunk: unknown): string =>
  chunk instanceof Uint8Array ? Buffer.from(chunk).toString() : String(chunk);

/** The callback is the last argument of a write, if there is one. */
const callbackIn = (args: readonly unknown[]): (() => void) | undefined => {
  const last = args.at(-1);
  return typeof last === "function" ? (last as () => void) : undefined;
};

/**
 * Sends to standard error what the pipeline's code writes to standard output. Returns a function that ends this. The
 * terminal's own lines are not diverted.
 */
export const divertOutput = ({ err }: Pick<Terminal, "err">): (() => void) => {
  const { stdout } = process;
  const original = stdout.write;
  const divert = (...args: readonly unknown[]): boolean => {
    for (const line of plainLines(textOf(args[0]).trimEnd())) err(line);
    callbackIn(args)?.();
    return true;
  };
  stdout.write = divert as typeof stdout.write;
  return () => {
    stdout.write = original;
  };
};
