// `sluice trace`: tells of one item what its table, stream, targets, queues and logs know.

import { type ItemTrace, traceItem } from "@sluice/inspect";
import { openModule } from "../backfill/open-backfill.ts";
import { exitCodes } from "../command-line/command-error.ts";
import { runCommand } from "../pipeline-command/run-command.ts";
import { plainJson } from "../terminal/plain-text.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { openTrace } from "./open-trace.ts";
import { type TraceCommandOptions, traceHelp, traceOptions } from "./options.ts";
import { nextCommands, traceLines } from "./report.ts";

const plainErrors = /^(Config|Record|Sink)Error$/;

/** The width of lines if the output is no terminal. */
const plainWidth = 120;

const exitCodeOf = ({ conclusions }: ItemTrace): number => {
  const states = new Set(conclusions.map(({ state }) => state));
  if (states.has("behind") || states.has("rejected") || states.has("differs")) return exitCodes.left;
  const isKnown = conclusions.every(({ state, isComparable }) => state !== "unknown" || !isComparable);
  // Without a copy to compare, nothing is proved.
  return isKnown && states.has("up to date") ? exitCodes.done : exitCodes.failed;
};

const run = (options: TraceCommandOptions, terminal: Terminal): Promise<number> =>
  runCommand({ terminal, finishes: "the requests in flight", plainErrors }, async (opened, signal) => {
    const { pipeline } = opened.add(await openModule({ ...options, routes: undefined }));
    const trace = await traceItem(await openTrace(options, pipeline, opened, terminal, signal));
    terminal.progress.clear();
    const next = nextCommands(trace, options);
    const exitCode = exitCodeOf(trace);
    const lines = options.isJson
      ? [plainJson(JSON.stringify({ ...trace, next, exitCode }))]
      : traceLines(trace, next, process.stdout.columns || plainWidth);
    for (const line of lines) terminal.out(line);
    return exitCode;
  });

/** Runs `sluice trace`. Returns the exit code. @throws {CommandError} when nothing can be traced */
export const traceCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = traceOptions(args);
  if (options !== undefined) return run(options, terminal);
  for (const line of traceHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
