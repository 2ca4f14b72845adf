// `sluice console`: shows a deployment in the browser.

import { closeClients, openClients } from "@sluice/inspect";
import { clientConfig } from "../aws/clients.ts";
import { regionIn } from "../aws/region.ts";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { runCommand } from "../pipeline-command/run-command.ts";
import { loadPipeline } from "../pipeline-module/pipeline-module.ts";
import { untilInterrupted } from "../terminal/interrupt.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { version } from "../version.ts";
import { type Deployment, discover } from "./discovery.ts";
import { deploymentHost } from "./host.ts";
import { type ConsoleCommandOptions, consoleHelp, consoleOptions } from "./options.ts";
import { consolePolicy } from "./policy.ts";
import { serveConsole } from "./serve.ts";

const plainErrors = /^ConfigError$/;

/** A right that is missing is a line in the overview. Without credentials, a region or a network, nothing can be shown. */
const isRight = (reason: string): boolean => /Denied|NotAuthorized/.test(reason);

/** @throws {CommandError} if AWS answered no question, for example without credentials, or if there is no such function */
const checkFound = ({ facts }: Deployment): void => {
  const { configuration, name } = facts.function;
  if ("value" in configuration && configuration.value === undefined) {
    throw new CommandError(`there is no function ${name}; expected its name, account and region to be right`);
  }
  const { silent } = facts;
  if (silent === undefined || isRight(silent.reason)) return;
  throw new CommandError(
    `nothing of ${name} can be shown: ${silent.action} was answered with ${silent.reason}; expected credentials, a region, ` +
      "and an --endpoint-url that exists, if one is given",
  );
};

const run = (options: ConsoleCommandOptions, terminal: Terminal): Promise<number> => {
  const { module: modulePath, functionName, table, aws, rights } = options;
  return runCommand({ terminal, finishes: "the requests in flight", plainErrors }, async (opened, signal) => {
    const module = modulePath === undefined ? undefined : opened.add(await loadPipeline(modulePath));
    const clients = openClients((service) => clientConfig(aws, service, functionName));
    opened.add({ close: () => closeClients(clients) });
    const discovery = await untilInterrupted(discover(clients, functionName, table), signal);
    if (discovery === undefined) return exitCodes.done;
    checkFound(discovery.now());
    const region = aws.region ?? regionIn(functionName);
    const subject = { functionName, module, modulePath, rights, aws: { ...aws, region }, version: await version() };
    const host = deploymentHost({ subject, given: options, clients, discovery, directory: process.cwd() });
    await serveConsole({ ...options, host }, opened, terminal, signal);
    return exitCodes.done;
  });
};

/** Runs `sluice console`. Returns the exit code. @throws {CommandError} when the console cannot start */
export const consoleCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = consoleOptions(args);
  if (options !== "help" && "functionName" in options) return run(options, terminal);
  const text = options === "help" ? consoleHelp : JSON.stringify(consolePolicy(options), undefined, 2);
  for (const line of text.split("\n")) terminal.out(line);
  return exitCodes.done;
};
