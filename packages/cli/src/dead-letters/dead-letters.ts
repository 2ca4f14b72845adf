// `sluice dead-letters`: receives the selected dead letters, carries out the action, and releases the other messages.

import type { Envelope } from "@sluice/core/envelope";
import { removeWithRecords } from "@sluice/redrive";
import { s3Client } from "../aws/clients.ts";
import { openPayloads, type Payloads } from "../aws/payloads.ts";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { openTemporaryFile, type TextPosition } from "../files/temporary-file.ts";
import type { MessageSource } from "../message-source/message-source.ts";
import { openQueue } from "../message-source/open-source.ts";
import { counted } from "../terminal/format.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import { canAsk, isConfirmed } from "../terminal/question.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { exportLine, lineWriter, writeAll } from "./export.ts";
import { deadLetterLines, groupLines, rowOf } from "./list.ts";
import type { DeadLettersOptions } from "./options.ts";
import { type FoundDeadLetter, type FoundDeadLetters, receiveDeadLetters } from "./receive.ts";
import { showLines } from "./show.ts";

/** What an action works with. */
interface ActionContext {
  readonly options: DeadLettersOptions;
  readonly terminal: Terminal;
  readonly source: MessageSource;
  readonly payloads: Payloads;
  readonly signal: AbortSignal;
}

type DeadLetters<Kept> = readonly FoundDeadLetter<Kept>[];

const receive = async <Kept>(
  { source, options: { filter }, payloads, signal, terminal }: ActionContext,
  needsRecord: (envelope: Envelope) => boolean,
  keep: (envelope: Envelope) => Promise<Kept>,
): Promise<FoundDeadLetters<Kept>> => {
  const status = await source.status();
  for (const note of status.notes) terminal.err(`${source.name}: ${note}`);
  const onProgress = (done: number): void =>
    terminal.progress.update({ doing: "receiving", done, total: status.available });
  return receiveDeadLetters({ source, status, filter, payloads, needsRecord, keep, signal, onProgress });
};

const sumText = (deadLetters: DeadLetters<unknown>): string => {
  const messages = deadLetters.reduce((sum, deadLetter) => sum + deadLetter.messages.length, 0);
  const more = messages === deadLetters.length ? "" : ` in ${counted(messages, "message")}`;
  return `${counted(deadLetters.length, "dead letter")}${more}`;
};

/** Writes which messages are unsupported, incomplete or not received. */
const restLines = ({ unsupported, lost, notReceived }: FoundDeadLetters<unknown>): string[] => [
  ...unsupported,
  ...(lost > 0 ? [`${counted(lost, "record")} not found in S3, at the URL in the dead letter`] : []),
  ...(notReceived > 0
    ? [`${counted(notReceived, "message")} could not be received: in flight, delayed, or behind these`]
    : []),
];

const exitCodeOf = ({ notReceived }: FoundDeadLetters<unknown>, { signal }: ActionContext): number =>
  notReceived > 0 || signal.aborted ? exitCodes.left : exitCodes.done;

const list = async (context: ActionContext): Promise<number> => {
  const { options, terminal, source } = context;
  const found = await receive(
    context,
    () => options.hasKeys,
    async (envelope) => rowOf(envelope),
  );
  await source.release();
  const rows = found.deadLetters.map(({ kept }) => kept);
  const lines = options.isGrouped ? groupLines(rows, Date.now()) : deadLetterLines(rows, options.hasKeys, Date.now());
  for (const line of [...lines, sumText(found.deadLetters), ...restLines(found)]) terminal.out(line);
  return exitCodeOf(found, context);
};

/** Returns the dead letter with that id, or those whose ids begin with it. */
const withId = <Kept extends { readonly id: string }>(
  deadLetters: DeadLetters<Kept>,
  id: string,
): DeadLetters<Kept> => {
  const exact = deadLetters.filter(({ kept }) => kept.id === id);
  return exact.length > 0 ? exact : deadLetters.filter(({ kept }) => kept.id.startsWith(id));
};

const show = async (context: ActionContext): Promise<number> => {
  const { options, terminal, source } = context;
  const { id = "", hasValues } = options;
  const isNamed = (envelope: Envelope): boolean => envelope.id.startsWith(id);
  const keep = async (envelope: Envelope): Promise<Envelope | { readonly id: string }> =>
    isNamed(envelope) ? envelope : { id: envelope.id };
  const { deadLetters } = await receive(context, isNamed, keep);
  await source.release();
  const [first, another] = withId(deadLetters, id);
  if (first === undefined) throw new CommandError(`no id begins with ${id}, of ${sumText(deadLetters)}`);
  if (another !== undefined) throw new CommandError(`several ids begin with ${id}; expected more characters`);
  for (const line of showLines(first.kept as Envelope, first.messages.length, hasValues, Date.now()))
    terminal.out(line);
  return exitCodes.done;
};

/** Receives dead letters into a temporary file, which exists while `use` runs. */
const withTexts = async (
  context: ActionContext,
  use: (found: FoundDeadLetters<TextPosition>, write: (path: string | undefined) => Promise<void>) => Promise<number>,
): Promise<number> => {
  const file = await openTemporaryFile();
  try {
    const found = await receive(
      context,
      () => true,
      (envelope) => file.add(exportLine(envelope)),
    );
    const positions = found.deadLetters.map(({ kept }) => kept);
    return await use(found, async (path) => writeAll(positions, file, await lineWriter(path)));
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

/** Deletes dead letters and their records. Answers how many messages are left. */
const removeAll = async (
  { source, payloads, terminal }: ActionContext,
  deadLetters: DeadLetters<unknown>,
): Promise<number> => {
  let left = 0;
  await removeWithRecords(deadLetters, {
    removeMessages: async (ids) => {
      const failed = new Set(await source.remove(ids));
      left = failed.size;
      return new Set(ids.filter((id) => !failed.has(id)));
    },
    payloadStore: payloads,
    onError: (url, error) => terminal.err(`${url} could not be removed: ${(error as Error).message}`),
  });
  return left;
};

const backupFile = ({ source }: ActionContext): string =>
  `${source.name.replace(/\.fifo$/, "")}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.jsonl`;

const deleteAll = (context: ActionContext): Promise<number> =>
  withTexts(context, async (found, write) => {
    const { options, terminal, source, signal } = context;
    const { deadLetters } = found;
    for (const line of restLines(found)) terminal.err(line);
    const file = options.out ?? backupFile(context);
    const question = `Write ${sumText(deadLetters)} to ${file} and delete them from ${source.name}?`;
    terminal.progress.clear();
    const isWanted = deadLetters.length > 0 && (options.isConfirmed || (await isConfirmed(question, signal)));
    if (!isWanted || signal.aborted) {
      terminal.out("nothing deleted");
      return deadLetters.length > 0 ? exitCodes.left : exitCodeOf(found, context);
    }
    await write(file);
    terminal.out(`${sumText(deadLetters)} written to ${file}`);
    const left = await removeAll(context, deadLetters);
    terminal.out(left === 0 ? `${sumText(deadLetters)} deleted` : `${counted(left, "message")} could not be deleted`);
    return left > 0 ? exitCodes.left : exitCodeOf(found, context);
  });

const actions = { list, show, export: exportAll, delete: deleteAll } as const;

const stopping = "stopping: received messages are released. Ctrl-C again ends at once";

/** Carries out the action, and answers the exit code. @throws {CommandError} when the queue cannot be reached */
export const deadLetters = async (options: DeadLettersOptions, terminal: Terminal): Promise<number> => {
  if (options.action === "delete" && !options.isConfirmed && !canAsk()) {
    throw new CommandError("delete asks for confirmation, and standard input is not a terminal; expected --yes");
  }
  const interrupt = watchInterrupts(() => terminal.err(stopping));
  const payloads = openPayloads(() => s3Client(options.aws));
  const source = await openQueue(options.queueUrl, options.aws);
  try {
    return await actions[options.action]({ options, terminal, source, payloads, signal: interrupt.signal });
  } finally {
    await source.close();
    await payloads.close();
    interrupt.release();
  }
};
