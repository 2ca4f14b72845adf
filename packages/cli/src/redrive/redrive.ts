// `sluice redrive`: opens its resources, makes the rounds, releases what is left, and reports.

import { BrokenFunctionError, UnexpectedAnswerError } from "@sluice/redrive";
import { lambdaClient, s3Client } from "../aws/clients.ts";
import { openPayloads } from "../aws/payloads.ts";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { openTemporaryFile } from "../files/temporary-file.ts";
import { isSelective } from "../filter/dead-letter-filter.ts";
import { type SourceStatus, stillHidden } from "../message-source/message-source.ts";
import { openSource } from "../message-source/open-source.ts";
import { unsupportedMessages } from "../message-source/unsupported-messages.ts";
import { counted } from "../terminal/format.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { leftOf, redriveCounts } from "./counts.ts";
import { finisher } from "./finish.ts";
import { type Invoker, lambdaInvoker } from "./invoker.ts";
import { localInvoker } from "./local-handler.ts";
import type { RedriveOptions } from "./options.ts";
import {
  type Causes,
  isLeft,
  newCauses,
  type Remainder,
  remainderLines,
  sumLine,
  unmatchedFilterLines,
} from "./report.ts";
import { makeRounds, type OpenRedrive } from "./rounds.ts";

const openInvoker = async ({ handler, aws }: RedriveOptions, { err }: Terminal): Promise<Invoker> => {
  if (handler.to === "local") {
    return localInvoker({ handler: handler.handler, aws, onOutput: (text) => err(text.trimEnd()) });
  }
  return lambdaInvoker(await lambdaClient(aws, handler.functionName), handler.functionName);
};

const writeStatus = ({ source, terminal: { err } }: OpenRedrive, { available, notes }: SourceStatus): void => {
  err(`${source.name}: ${available === undefined ? "" : `about ${counted(available, "message")}`}`);
  for (const note of notes) err(`${source.name}: ${note}`);
};

/** Counts the messages of a FIFO queue behind those that stay. */
const countBehind = async ({ source, counts }: OpenRedrive): Promise<number> => {
  const staying = leftOf(counts) + counts.of("notSelected", "unsupported");
  if (!source.isFifo || staying === 0) return 0;
  return (await source.status()).available ?? 0;
};

const writeReport = (
  { counts, unsupported, terminal: { out }, options }: OpenRedrive,
  causes: Causes,
  remainder: Remainder,
): void => {
  out(sumLine(counts, options.isDryRun));
  for (const line of [...causes.lines(), ...unsupported.lines(), ...unmatchedFilterLines(counts)]) out(`  ${line}`);
  for (const line of remainderLines(remainder)) out(`  ${line}`);
  for (const line of causes.lost()) out(`lost: ${line}`);
};

/** How the rounds ended. */
interface Ending {
  readonly isFull: boolean;
  readonly failure?: { readonly error: unknown };
}

/** Runs the redrive. Answers whether messages are left. */
const run = async (redrive: OpenRedrive, causes: Causes): Promise<boolean> => {
  const { source, counts, finisher, options, signal } = redrive;
  const status = await source.status();
  writeStatus(redrive, status);
  counts.receive(status.alreadyDone);
  counts.add("alreadyDone", status.alreadyDone);
  const { isFull, failure }: Ending = await makeRounds(redrive, status).then(
    (isFull) => ({ isFull }),
    (error) => ({ isFull: false, failure: { error } }),
  );
  const remainder = {
    behind: await countBehind(redrive).catch(() => 0),
    notReleased: await source.release(),
    hidden: stillHidden(status, counts.received()),
    isFull,
    notRemoved: finisher.notRemoved(),
    expired: source.expired(),
    isEverything: !isSelective(options.filter),
  };
  writeReport(redrive, causes, remainder);
  counts.check();
  if (failure !== undefined) throw failure.error;
  return isLeft(counts, remainder) || signal.aborted;
};

const stopping = "stopping: the request in flight is finished, and the rest is released. Ctrl-C again ends at once";

/** Redrives, and answers the exit code. @throws {CommandError} when a resource cannot be reached */
export const redrive = async (options: RedriveOptions, terminal: Terminal): Promise<number> => {
  const interrupt = watchInterrupts(() => terminal.err(stopping));
  const resources: { readonly close: () => Promise<void> }[] = [];
  const opened = <Resource extends { readonly close: () => Promise<void> }>(resource: Resource): Resource => {
    resources.unshift(resource);
    return resource;
  };
  const { address, aws, isDryRun } = options;
  try {
    const invoker = opened(await openInvoker(options, terminal));
    const source = opened(await openSource(address, aws));
    const payloads = opened(openPayloads(() => s3Client(aws)));
    const file = opened(await openTemporaryFile());
    const [counts, causes] = [redriveCounts(), newCauses()];
    const owned = address.kind === "queue" ? payloads : undefined;
    const open: OpenRedrive = {
      ...{ options, terminal, source, invoker, payloads, file, counts, signal: interrupt.signal },
      unsupported: unsupportedMessages(),
      finisher: finisher({ source, payloads: owned, counts, causes, isDryRun, warn: terminal.err }),
    };
    return (await run(open, causes)) ? exitCodes.left : exitCodes.done;
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
