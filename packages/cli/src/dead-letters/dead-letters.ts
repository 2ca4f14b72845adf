// `sluice dead-letters`: receives the queue's messages, and lists, shows, exports or deletes the selected dead letters.

import type { Envelope } from "@sluice/core/envelope";
import { type MessageSource, stillHidden } from "@sluice/inspect/queue";
import { s3Client } from "../aws/clients.ts";
import { openPayloads, type Payloads } from "../aws/payloads.ts";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { openTemporaryFile, type TextPosition } from "../files/temporary-file.ts";
import { readDeadLetters } from "../filter/dead-letter-filter.ts";
import { openQueue } from "../message-source/open-source.ts";
import { type MessageUnit, unitReceiver } from "../message-source/receive-units.ts";
import { removeUnits } from "../message-source/remove-units.ts";
import { counted } from "../terminal/format.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import { canAsk, isConfirmed } from "../terminal/question.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { bodyLine, exportLine, writeLines } from "./export.ts";
import { deadLetterLines, groupLines, rowOf } from "./list.ts";
import { type DeadLettersOptions, deadLettersHelp, deadLettersOptions } from "./options.ts";
import { showLines } from "./show.ts";

/** The options of an action, and the resources that are open while the action runs. */
interface ActionContext {
  readonly options: DeadLettersOptions;
  readonly terminal: Terminal;
  readonly source: MessageSource;
  readonly payloads: Payloads;
  readonly signal: AbortSignal;
}

type DeadLetters<Kept> = readonly MessageUnit<Kept>[];

/** The selected dead letters, and what is known about the other messages. */
interface FoundDeadLetters<Kept> {
  readonly deadLetters: DeadLetters<Kept>;
  readonly unsupportedLines: readonly string[];
  /** Number of dead letters whose record is no longer in S3. Counts only records that were needed. */
  readonly lost: number;
  /** Number of needed records that were not read, because they are outside of the payload store. */
  readonly outside: number;
  /** Number of messages that SQS did not return: hidden or delayed messages, or messages beyond a limit of SQS. */
  readonly notReceived: number;
}

/** Receives dead letters. Stores only what `keep` returns, because all messages together may exceed the memory. */
const receive = async <Kept>(
  { source, options: { filter }, payloads, signal, terminal }: ActionContext,
  needsRecord: (envelope: Envelope) => boolean,
  keep: (envelope: Envelope) => Kept | Promise<Kept>,
  keepUnsupported?: (body: string) => Kept | Promise<Kept>,
): Promise<FoundDeadLetters<Kept>> => {
  const status = await source.status();
  for (const note of status.notes) terminal.err(`${source.name}: ${note}`);
  let [lost, outside, received] = [0, 0, 0];
  const read = readDeadLetters<Kept>(filter, payloads, {
    needsRecord,
    keep: (envelope, isLost) => {
      if (isLost && payloads.isInside(envelope.recordUrl ?? "")) lost += 1;
      else if (isLost) outside += 1;
      return keep(envelope);
    },
    keepUnsupported,
  });
  const onProgress = (done: number): void =>
    terminal.progress.update({ doing: "receiving", done: received + done, total: status.available });
  const receiver = unitReceiver<Kept>({ source, read, onProgress });
  const deadLetters: MessageUnit<Kept>[] = [];
  for (;;) {
    const { units, size, isFull, failure } = await receiver.receive(signal);
    if (failure !== undefined) throw failure.error;
    deadLetters.push(...units);
    received += size;
    if (source.isFifo && size > 0 && !signal.aborted) continue;
    const rest = isFull || source.isFifo ? ((await source.status()).available ?? 0) : 0;
    const notReceived = stillHidden(status, received) + rest;
    return { deadLetters, unsupportedLines: receiver.unsupportedLines(), lost, outside, notReceived };
  }
};

const sumText = (deadLetters: DeadLetters<unknown>, noun = "dead letter"): string => {
  const messages = deadLetters.reduce((sum, deadLetter) => sum + deadLetter.messages.length, 0);
  const more = messages === deadLetters.length ? "" : ` in ${counted(messages, "message")}`;
  return `${counted(deadLetters.length, noun)}${more}`;
};

/** Describes for the user the messages that are unsupported, have lost their record, or were not received. */
const restLines = ({ unsupportedLines, lost, outside, notReceived }: FoundDeadLetters<unknown>): string[] => [
  ...unsupportedLines,
  ...(lost > 0 ? [`${counted(lost, "record")} not found in S3, at the URL in the dead letter`] : []),
  ...(outside > 0
    ? [`${counted(outside, "record")} in S3 not read: outside of the store that --payload-store names`]
    : []),
  ...(notReceived > 0
    ? [`${counted(notReceived, "message")} could not be received: in flight, delayed, or behind these`]
    : []),
];

const exitCodeOf = ({ notReceived }: FoundDeadLetters<unknown>, { signal }: ActionContext): number =>
  notReceived > 0 || signal.aborted ? exitCodes.left : exitCodes.done;

const list = async (context: ActionContext): Promise<number> => {
  const { options, terminal, source } = context;
  const found = await receive(context, () => options.hasKeys, rowOf);
  await source.release();
  const rows = found.deadLetters.map(({ value }) => value);
  const lines = options.isGrouped ? groupLines(rows, Date.now()) : deadLetterLines(rows, options.hasKeys, Date.now());
  for (const line of [...lines, sumText(found.deadLetters), ...restLines(found)]) terminal.out(line);
  return exitCodeOf(found, context);
};

/** Returns the dead letter with the id `id`. If there is none, returns all dead letters whose id begins with `id`. */
const withId = <Kept extends { readonly id: string }>(
  deadLetters: DeadLetters<Kept>,
  id: string,
): DeadLetters<Kept> => {
  const exact = deadLetters.filter(({ value }) => value.id === id);
  return exact.length > 0 ? exact : deadLetters.filter(({ value }) => value.id.startsWith(id));
};

const show = async (context: ActionContext): Promise<number> => {
  const { options, terminal, source } = context;
  const { id = "", hasValues } = options;
  const isNamed = (envelope: Envelope): boolean => envelope.id.startsWith(id);
  const keep = (envelope: Envelope): Envelope | { readonly id: string } =>
    isNamed(envelope) ? envelope : { id: envelope.id };
  const { deadLetters } = await receive(context, isNamed, keep);
  await source.release();
  const [first, another] = withId(deadLetters, id);
  if (first === undefined) throw new CommandError(`no id begins with ${id}, of ${sumText(deadLetters)}`);
  if (another !== undefined) throw new CommandError(`several ids begin with ${id}; expected more characters`);
  const envelope = first.value as Envelope;
  const isRead = context.payloads.isInside(envelope.recordUrl ?? "");
  const lines = showLines(envelope, first.messages.length, hasValues, Date.now(), isRead);
  for (const line of lines) terminal.out(line);
  return exitCodes.done;
};

/** Receives dead letters, and stores their lines in a temporary file. Deletes the file when `use` has resolved. */
const withTexts = async (
  context: ActionContext,
  use: (found: FoundDeadLetters<TextPosition>, write: (path: string | undefined) => Promise<void>) => Promise<number>,
): Promise<number> => {
  const file = await openTemporaryFile();
  try {
    const keep = (envelope: Envelope): Promise<TextPosition> => file.add(exportLine(envelope));
    const keepUnsupported = context.options.isUnsupported ? (body: string) => file.add(bodyLine(body)) : undefined;
    const found = await receive(context, () => true, keep, keepUnsupported);
    const positions = found.deadLetters.map(({ value }) => value);
    return await use(found, (path) => writeLines(path, positions, file));
  } finally {
    await file.close();
  }
};

const exportAll = (context: ActionContext): Promise<number> =>
  withTexts(context, async (found, write) => {
    const { options, terminal, source } = context;
    await source.release();
    terminal.progress.clear();
    await write(options.out);
    const where = options.out === undefined ? "" : ` in ${options.out}`;
    for (const line of [`${sumText(found.deadLetters)}${where}`, ...restLines(found)]) terminal.err(line);
    return exitCodeOf(found, context);
  });

const backupFile = ({ source }: ActionContext): string =>
  `${source.name.replace(/\.fifo$/, "")}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.jsonl`;

const nounOf = ({ isUnsupported }: DeadLettersOptions): string =>
  isUnsupported ? "unsupported message" : "dead letter";

const deleteAll = (context: ActionContext): Promise<number> =>
  withTexts(context, async (found, write) => {
    const { options, terminal, source, signal } = context;
    const { deadLetters } = found;
    const sum = sumText(deadLetters, nounOf(options));
    for (const line of restLines(found)) terminal.err(line);
    const file = options.out ?? backupFile(context);
    const question = `Write ${sum} to ${file} and delete them from ${source.name}?`;
    terminal.progress.clear();
    const isWanted = deadLetters.length > 0 && (options.isConfirmed || (await isConfirmed(question, signal)));
    if (!isWanted || signal.aborted) {
      terminal.out("nothing deleted");
      return deadLetters.length > 0 ? exitCodes.left : exitCodeOf(found, context);
    }
    await write(file);
    terminal.out(`${sum} written to ${file}`);
    const left = await removeUnits(deadLetters, source, context.payloads, terminal);
    terminal.out(left === 0 ? `${sum} deleted` : `${counted(left, "message")} could not be deleted`);
    return left > 0 ? exitCodes.left : exitCodeOf(found, context);
  });

const actions = { list, show, export: exportAll, delete: deleteAll } as const;

const stopping = "stopping: received messages are released. Ctrl-C again ends at once";

const runAction = async (options: DeadLettersOptions, terminal: Terminal): Promise<number> => {
  if (options.action === "delete" && !options.isConfirmed && !canAsk()) {
    throw new CommandError("delete asks for confirmation, and standard input is not a terminal; expected --yes");
  }
  const interrupt = watchInterrupts(() => terminal.err(stopping));
  const payloads = openPayloads(options.payloadStore, () => s3Client(options.aws));
  const source = await openQueue(options.queueUrl, options.aws);
  try {
    return await actions[options.action]({ options, terminal, source, payloads, signal: interrupt.signal });
  } finally {
    await source.close();
    await payloads.close();
    interrupt.release();
  }
};

/** Runs `sluice dead-letters`. Returns the exit code. @throws {CommandError} when the queue cannot be reached */
export const deadLettersCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = deadLettersOptions(args, Date.now());
  if (options !== undefined) return runAction(options, terminal);
  for (const line of deadLettersHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
