// `sluice doctor`: says what is wrong with a deployment.

import { closeClients, type DoctorReport, doctorPolicy, openClients } from "@sluice/inspect";
import { clientConfig } from "../aws/clients.ts";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { runCommand } from "../pipeline-command/run-command.ts";
import { loadPipeline } from "../pipeline-module/pipeline-module.ts";
import { untilInterrupted } from "../terminal/interrupt.ts";
import { plainJson } from "../terminal/plain-text.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { judge } from "./judge.ts";
import { type DoctorCommandOptions, doctorHelp, doctorOptions } from "./options.ts";
import { problemIn } from "./problem.ts";
import { doctorLines } from "./report.ts";

const plainErrors = /^ConfigError$/;

/** @throws {CommandError} if AWS answered no question */
const checkJudged = (report: DoctorReport): void => {
  const problem = problemIn(report);
  if (problem !== undefined) throw new CommandError(problem);
};

const exitCodeOf = ({ counts: { fail, warn } }: DoctorReport, isStrict: boolean): number =>
  fail > 0 || (isStrict && warn > 0) ? exitCodes.left : exitCodes.done;

const print = (report: DoctorReport, isJson: boolean, terminal: Terminal): void => {
  if (isJson) terminal.out(plainJson(JSON.stringify(report)));
  else for (const line of doctorLines(report)) terminal.out(line);
};

const run = (options: DoctorCommandOptions, terminal: Terminal): Promise<number> => {
  const { module, functionName, isStrict, isJson, aws } = options;
  return runCommand({ terminal, plainErrors }, async (opened, signal) => {
    const pipeline = module === undefined ? undefined : opened.add(await loadPipeline(module)).pipeline;
    const clients = openClients((service) => clientConfig(aws, service, functionName));
    opened.add({ close: () => closeClients(clients) });
    // The doctor only reads, so that nothing has to be finished.
    const found = await untilInterrupted(judge({ ...options, clients, pipeline }), signal);
    if (found === undefined) return exitCodes.interrupted;
    checkJudged(found);
    print(found, isJson, terminal);
    return exitCodeOf(found, isStrict);
  });
};

/** Runs `sluice doctor`. Returns the exit code. @throws {CommandError} when nothing can be judged */
export const doctorCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = doctorOptions(args);
  if (typeof options === "object") return run(options, terminal);
  const text = options === "help" ? doctorHelp : JSON.stringify(doctorPolicy(), undefined, 2);
  for (const line of text.split("\n")) terminal.out(line);
  return exitCodes.done;
};
