import type { Terminal } from "../terminal/terminal.ts";
import { deadLetters } from "./dead-letters.ts";
import { deadLettersHelp, deadLettersOptions } from "./options.ts";

/** Runs `sluice dead-letters`. Answers the exit code. */
export const deadLettersCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = deadLettersOptions(args, Date.now());
  if (options !== undefined) return deadLetters(options, terminal);
  terminal.out(deadLettersHelp);
  return 0;
};
