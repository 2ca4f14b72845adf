// `sluice redrive`: redrives the messages of a source, and writes a report.

import { BrokenFunctionError, UnexpectedAnswerError } from "@sluice/redrive";
import { lambdaClient } from "../aws/clients.ts";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import { plainLines } from "../terminal/plain-text.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type Invoker, lambdaInvoker } from "./invoker.ts";
import { localInvoker } from "./local-handler.ts";
import { type RedriveOptions, redriveHelp, redriveOptions } from "./options.ts";
import { type RedriveEnd, runRedrive } from "./run-redrive.ts";

const openInvoker = async ({ handler, aws }: RedriveOptions, { err }: Terminal): Promise<Invoker> => {
  if (handler.to === "local") {
    return localInvoker({ handler: handler.handler, aws, onOutput: (text) => plainLines(text.trimEnd()).forEach(err) });
  }
  return lambdaInvoker(await lambdaClient(aws, handler.functionName), handler.functionName);
};

/** Writes the report. Returns whether messages are left. Throws the error that ended the redrive early. */
const report = ({ counts, lines, isLeft, failure }: RedriveEnd, { out }: Terminal): boolean => {
  for (const line of lines) out(line);
  counts.check();
  if (failure !== undefined) throw failure.error;
  return isLeft;
};

const stopping = "stopping: the request in flight is finished, and the rest is released. Ctrl-C again ends at once";

const redrive = async (options: RedriveOptions, terminal: Terminal): Promise<number> => {
  const { signal, release } = watchInterrupts(() => terminal.err(stopping));
  let invoker: Invoker | undefined;
  try {
    invoker = await openInvoker(options, terminal);
    const end = await runRedrive({ options, terminal, invoker, signal });
    return report(end, terminal) || signal.aborted ? exitCodes.left : exitCodes.done;
  } catch (error) {
    if (error instanceof UnexpectedAnswerError) throw new CommandError(error.message, { cause: error });
    if (!(error instanceof BrokenFunctionError)) throw error;
    terminal.err(`sluice: the function is broken: ${error.message}`);
    return exitCodes.left;
  } finally {
    await invoker?.close();
    release();
  }
};

/** Runs `sluice redrive`. Returns the exit code. @throws {CommandError} when a resource cannot be reached */
export const redriveCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = redriveOptions(args, Date.now());
  if (options !== undefined) return redrive(options, terminal);
  for (const line of redriveHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
