import type { Terminal } from "../terminal/terminal.ts";
import { redriveHelp, redriveOptions } from "./options.ts";
import { redrive } from "./redrive.ts";

/** Runs `sluice redrive`. Answers the exit code. */
export const redriveCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = redriveOptions(args, Date.now());
  if (options !== undefined) return redrive(options, terminal);
  terminal.out(redriveHelp);
  return 0;
};
