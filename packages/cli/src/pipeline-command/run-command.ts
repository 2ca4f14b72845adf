// The frame of a command that loads a pipeline and works on its table: interruption, output, resources and errors.

import { CommandError } from "../command-line/command-error.ts";
import { divertOutput } from "../terminal/divert-output.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import { canAsk, isConfirmed } from "../terminal/question.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type Estimate, estimateLines, type Rates } from "./estimate.ts";
import { type Resources, resources } from "./resources.ts";

/** How a command is run. */
export interface CommandFrame {
  readonly terminal: Terminal;
  /** What the first Ctrl-C says is finished: `the pages in flight`. Undefined: the command ends at once. */
  readonly finishes?: string;
  /** Matches the names of errors of a run that could not start. Their messages are for the user. */
  readonly plainErrors: RegExp;
}

/** Runs the work of a command. Closes what it has opened, also after an error. Returns the exit code. */
export const runCommand = async (
  { terminal, finishes, plainErrors }: CommandFrame,
  work: (opened: Resources, signal: AbortSignal) => Promise<number>,
): Promise<number> => {
  const stopping =
    finishes === undefined ? "stopping" : `stopping: ${finishes} are finished. Ctrl-C again ends at once`;
  const interrupt = watchInterrupts(() => terminal.err(stopping));
  const restore = divertOutput(terminal);
  const opened = resources();
  try {
    return await work(opened, interrupt.signal);
  } catch (error) {
    if (!(error instanceof Error) || !plainErrors.test(error.name)) throw error;
    throw new CommandError(error.message, { cause: error });
  } finally {
    await opened.close();
    restore();
    interrupt.release();
  }
};

/** From this number of items on, a command asks before it starts. */
export const largeRun = 1_000_000;

/** What a question before a run needs. */
export interface Confirmation {
  readonly estimate: Estimate;
  readonly rates: Rates;
  /** Whether the option `--yes` answers the question. */
  readonly isConfirmed: boolean;
  /** What the command says after a no: `nothing was copied`. */
  readonly nothing: string;
}

/** Shows what the run costs, and asks. @throws {CommandError} without a terminal, or when the answer is no */
export const confirm = async (
  { estimate, rates, isConfirmed: isAnswered, nothing }: Confirmation,
  { err }: Terminal,
  signal: AbortSignal,
): Promise<void> => {
  for (const line of estimateLines(estimate, rates)) err(line);
  if (isAnswered) return;
  if (!canAsk()) throw new CommandError("the run is to be confirmed, and there is no terminal; expected --yes");
  if (await isConfirmed("start?", signal)) return;
  throw new CommandError(`${nothing}: ${signal.aborted ? "the command was interrupted" : "the answer was no"}`);
};
