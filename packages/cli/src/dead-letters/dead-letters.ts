// `sluice dead-letters`: receives the queue's messages, and lists, shows, exports or deletes the selected dead letters.

import type { Envelope } from "@sluice/core/envelope";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import { counted } from "../terminal/format.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import { canAsk, isConfirmed } from "../terminal/question.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { deadLetterLines, groupLines, rowOf } from "./list.ts";
import { type DeadLettersOptions, deadLettersHelp, deadLettersOptions } from "./options.ts";
import {
  type DeadLetters,
  type FoundDeadLetters,
  type OpenQueue,
  receiveDeadLetters,
  restLines,
  sumText,
  withQueue,
} from "./receive.ts";
import { showLines } from "./show.ts";
import { backupFile, dropTexts, withTexts } from "./texts.ts";

/** The options of an action, and the resources that are open while the action runs. */
interface ActionContext extends OpenQueue {
  readonly options: DeadLettersOptions;
  readonly terminal: Terminal;
}

const exitCodeOf = ({ notReceived }: FoundDeadLetters<unknown>, { signal }: ActionContext): number =>
  notReceived > 0 || signal.aborted ? exitCodes.left : exitCodes.done;

const list = async (context: ActionContext): Promise<number> => {
  const { options, terminal, source } = context;
  const found = await receiveDeadLetters(context, { needsRecord: () => options.hasKeys, keep: rowOf });
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
  const { deadLetters } = await receiveDeadLetters(context, { needsRecord: isNamed, keep });
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

const exportAll = (context: ActionContext): Promise<number> =>
  withTexts(context, false, async ({ found, write }) => {
    const { options, terminal, source } = context;
    await source.release();
    terminal.progress.clear();
    await write(options.out);
    const where = options.out === undefined ? "" : ` in ${options.out}`;
    for (const line of [`${sumText(found.deadLetters)}${where}`, ...restLines(found)]) terminal.err(line);
    return exitCodeOf(found, context);
  });

const nounOf = ({ isUnsupported }: DeadLettersOptions): string =>
  isUnsupported ? "unsupported message" : "dead letter";

const deleteAll = (context: ActionContext): Promise<number> =>
  withTexts(context, context.options.isUnsupported, async (texts) => {
    const { options, terminal, source, signal } = context;
    const { found } = texts;
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
    const left = await dropTexts(context, texts, file, () => terminal.out(`${sum} written to ${file}`));
    terminal.out(left.size === 0 ? `${sum} deleted` : `${counted(left.size, "message")} could not be deleted`);
    return left.size > 0 ? exitCodes.left : exitCodeOf(found, context);
  });

const actions = { list, show, export: exportAll, delete: deleteAll } as const;

const stopping = "stopping: received messages are released. Ctrl-C again ends at once";

const runAction = async (options: DeadLettersOptions, terminal: Terminal): Promise<number> => {
  if (options.action === "delete" && !options.isConfirmed && !canAsk()) {
    throw new CommandError("delete asks for confirmation, and standard input is not a terminal; expected --yes");
  }
  const interrupt = watchInterrupts(() => terminal.err(stopping));
  const { filter } = options;
  const { signal, release } = interrupt;
  try {
    return await withQueue(options, (queue) =>
      actions[options.action]({ options, filter, terminal, signal, ...queue }),
    );
  } finally {
    release();
  }
};

/** Runs `sluice dead-letters`. Returns the exit code. @throws {CommandError} when the queue cannot be reached */
export const deadLettersCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = deadLettersOptions(args, Date.now());
  if (options !== undefined) return runAction(options, terminal);
  for (const line of deadLettersHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
