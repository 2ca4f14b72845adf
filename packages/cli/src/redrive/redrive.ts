// `sluice redrive`: redrives the messages of a source in rounds, releases the messages that stay, and writes a report.

import { type SourceStatus, stillHidden } from "@sluice/inspect/queue";
import { BrokenFunctionError, UnexpectedAnswerError } from "@sluice/redrive";
import { lambdaClient, s3Client } from "../aws/clients.ts";
import { openPayloads } from "../aws/payloads.ts";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { openTemporaryFile } from "../files/temporary-file.ts";
import { isSelective } from "../filter/dead-letter-filter.ts";
import { openSource } from "../message-source/open-source.ts";
import { counted } from "../terminal/format.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import { plainLines } from "../terminal/plain-text.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { leftOf, redriveCounts } from "./counts.ts";
import { finisher } from "./finish.ts";
import { type Invoker, lambdaInvoker } from "./invoker.ts";
import { localInvoker } from "./local-handler.ts";
import type { OpenRedrive } from "./open-redrive.ts";
import { type RedriveOptions, redriveHelp, redriveOptions } from "./options.ts";
import {
  isLeft,
  newCauses,
  type Remainder,
  remainderLines,
  sumLine,
  unmatchedFilterLines,
  unroutedHint,
} from "./report.ts";
import { makeRounds } from "./rounds.ts";

const openInvoker = async ({ handler, aws }: RedriveOptions, { err }: Terminal): Promise<Invoker> => {
  if (handler.to === "local") {
    return localInvoker({ handler: handler.handler, aws, onOutput: (text) => plainLines(text.trimEnd()).forEach(err) });
  }
  return lambdaInvoker(await lambdaClient(aws, handler.functionName), handler.functionName);
};

const writeStatus = ({ source, terminal: { err } }: OpenRedrive, { available, notes }: SourceStatus): void => {
  err(`${source.name}: ${available === undefined ? "" : `about ${counted(available, "message")}`}`);
  for (const note of notes) err(`${source.name}: ${note}`);
};

/** Counts the messages that a FIFO queue does not return, because earlier messages of their group stay in the queue. */
const countBehind = async ({ source, counts }: OpenRedrive): Promise<number> => {
  const staying = leftOf(counts) + counts.of("notSelected", "unsupported");
  if (!source.isFifo || staying === 0) return 0;
  return (await source.status()).available ?? 0;
};

const writeReport = (
  { counts, causes, terminal: { out }, options }: OpenRedrive,
  unsupportedLines: readonly string[],
  remainder: Remainder,
): void => {
  out(sumLine(counts, options.isDryRun));
  const lines = [...causes.lines(), ...unsupportedLines, ...unmatchedFilterLines(counts), ...remainderLines(remainder)];
  for (const line of lines) out(`  ${line}`);
  if (counts.of("unrouted") > 0) out(`  ${unroutedHint}`);
  for (const line of causes.lost()) out(`lost: ${line}`);
};

/** Redrives the messages and writes the report. Returns whether messages are left. */
const run = async (redrive: OpenRedrive): Promise<boolean> => {
  const { source, counts, options, signal } = redrive;
  const status = await source.status();
  writeStatus(redrive, status);
  counts.receive(status.alreadyDone);
  counts.add("alreadyDone", status.alreadyDone);
  const finishing = finisher(redrive);
  const { isFull, unsupportedLines, failure } = await makeRounds(redrive, finishing, status);
  const remainder = {
    behind: await countBehind(redrive).catch(() => 0),
    notReleased: await source.release(),
    hidden: stillHidden(status, counts.received()),
    isFull,
    notRemoved: finishing.notRemoved(),
    expired: source.expired(),
    isEverything: !isSelective(options.filter),
  };
  writeReport(redrive, unsupportedLines, remainder);
  counts.check();
  if (failure !== undefined) throw failure.error;
  return isLeft(counts, remainder) || signal.aborted;
};

const stopping = "stopping: the request in flight is finished, and the rest is released. Ctrl-C again ends at once";

const redrive = async (options: RedriveOptions, terminal: Terminal): Promise<number> => {
  const interrupt = watchInterrupts(() => terminal.err(stopping));
  const resources: { readonly close: () => Promise<void> }[] = [];
  const opened = <Resource extends { readonly close: () => Promise<void> }>(resource: Resource): Resource => {
    resources.unshift(resource);
    return resource;
  };
  const { aws } = options;
  try {
    const isLeft = await run({
      options,
      terminal,
      invoker: opened(await openInvoker(options, terminal)),
      source: opened(await openSource(options.address, aws)),
      payloads: opened(openPayloads(options.payloadStore, () => s3Client(aws))),
      file: opened(await openTemporaryFile()),
      signal: interrupt.signal,
      counts: redriveCounts(),
      causes: newCauses(),
    });
    return isLeft ? exitCodes.left : exitCodes.done;
  } catch (error) {
    if (error instanceof UnexpectedAnswerError) throw new CommandError(error.message, { cause: error });
    if (!(error instanceof BrokenFunctionError)) throw error;
    terminal.err(`sluice: the function is broken: ${error.message}`);
    return exitCodes.left;
  } finally {
    for (const resource of resources) await resource.close();
    interrupt.release();
  }
};

/** Runs `sluice redrive`. Returns the exit code. @throws {CommandError} when a resource cannot be reached */
export const redriveCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = redriveOptions(args, Date.now());
  if (options !== undefined) return redrive(options, terminal);
  for (const line of redriveHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
