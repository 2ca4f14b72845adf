// `sluice dead-letters`: gathers what is meant, does with it what was asked for, and puts back what is not removed.

import type { Envelope } from "@sluice/core/envelope";
import { s3Client } from "../aws/clients.ts";
import { type Claims, claimsOf } from "../aws/payloads.ts";
import { CommandError, exitCodes } from "../command-line/command-error.ts";
import type { Letterbox } from "../message-source/message-source.ts";
import { openQueue } from "../message-source/open-source.ts";
import { openSpool, type SpoolPlace } from "../files/temporary-file.ts";
import { type Interrupt, watchInterrupts } from "../terminal/interrupt.ts";
import { canAsk, isConfirmed } from "../terminal/question.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted } from "../terminal/format.ts";
import { exportLine, lineWriter, writeAll } from "./export.ts";
import { type GatheredLetter, type Gathering, gather } from "./receive.ts";
import { groupLines, letterLines, rowOf } from "./list.ts";
import type { DeadLetterOptions } from "./options.ts";
import { showLines } from "./show.ts";

/** What an action works with, all of it open. */
interface Desk {
  readonly options: DeadLetterOptions;
  readonly terminal: Terminal;
  readonly letterbox: Letterbox;
  readonly claims: Claims;
  readonly signal: AbortSignal;
}

type Letters<Kept> = readonly GatheredLetter<Kept>[];

const gatherWith = async <Kept>(
  { letterbox, options: { filter }, claims, signal, terminal }: Desk,
  needsRecord: (envelope: Envelope) => boolean,
  keep: (envelope: Envelope) => Promise<Kept>,
): Promise<Gathering<Kept>> => {
  const stock = await letterbox.look();
  for (const note of stock.notes) terminal.err(`${letterbox.name}: ${note}`);
  const onProgress = (done: number): void =>
    terminal.progress.update({ doing: "receiving", done, total: stock.waiting });
  return gather({ letterbox, stock, filter, claims, needsRecord, keep, signal, onProgress });
};

const sumText = (letters: Letters<unknown>): string => {
  const messages = letters.reduce((sum, letter) => sum + letter.messages.length, 0);
  const more = messages === letters.length ? "" : ` in ${counted(messages, "message")}`;
  return `${counted(letters.length, "dead letter")}${more}`;
};

/** What was not looked at, or is none. */
const restLines = ({ others, gone, unseen }: Gathering<unknown>): string[] => [
  ...others,
  ...(gone > 0 ? [`${counted(gone, "record")} not to be found in S3, where the letters say`] : []),
  ...(unseen > 0
    ? [`${counted(unseen, "message")} could not be looked at: held by others, delayed, or behind these`]
    : []),
];

const endOf = ({ unseen }: Gathering<unknown>, { signal }: Desk): number =>
  unseen > 0 || signal.aborted ? exitCodes.left : exitCodes.done;

const list = async (desk: Desk): Promise<number> => {
  const { options, terminal, letterbox } = desk;
  const gathering = await gatherWith(
    desk,
    () => options.hasKeys,
    async (envelope) => rowOf(envelope),
  );
  await letterbox.putBack();
  const rows = gathering.letters.map(({ kept }) => kept);
  const lines = options.isGrouped ? groupLines(rows, Date.now()) : letterLines(rows, options.hasKeys, Date.now());
  for (const line of [...lines, sumText(gathering.letters), ...restLines(gathering)]) terminal.out(line);
  return endOf(gathering, desk);
};

/** The letters whose ids begin so, or the one that has it. */
const namedBy = <Kept extends { readonly id: string }>(letters: Letters<Kept>, id: string): Letters<Kept> => {
  const exact = letters.filter(({ kept }) => kept.id === id);
  return exact.length > 0 ? exact : letters.filter(({ kept }) => kept.id.startsWith(id));
};

const show = async (desk: Desk): Promise<number> => {
  const { options, terminal, letterbox } = desk;
  const { id = "", hasValues } = options;
  const isNamed = (envelope: Envelope): boolean => envelope.id.startsWith(id);
  const keep = async (envelope: Envelope): Promise<Envelope | { readonly id: string }> =>
    isNamed(envelope) ? envelope : { id: envelope.id };
  const gathering = await gatherWith(desk, isNamed, keep);
  await letterbox.putBack();
  const [letter, another] = namedBy(gathering.letters, id);
  if (letter === undefined) throw new CommandError(`there is no dead letter ${id} among ${sumText(gathering.letters)}`);
  if (another !== undefined) throw new CommandError(`several ids begin with ${id}; expected more of one`);
  for (const line of showLines(letter.kept as Envelope, letter.messages.length, hasValues, Date.now()))
    terminal.out(line);
  return exitCodes.done;
};

/** Gathers letters whose whole texts stand in a spool, for as long as `use` takes. */
const withTexts = async (
  desk: Desk,
  use: (gathering: Gathering<SpoolPlace>, write: (path: string | undefined) => Promise<void>) => Promise<number>,
): Promise<number> => {
  const spool = await openSpool();
  try {
    const gathering = await gatherWith(
      desk,
      () => true,
      (envelope) => spool.add(exportLine(envelope)),
    );
    const places = gathering.letters.map(({ kept }) => kept);
    return await use(gathering, async (path) => writeAll(places, spool, await lineWriter(path)));
  } finally {
    await spool.close();
  }
};

const exportLetters = (desk: Desk): Promise<number> =>
  withTexts(desk, async (gathering, write) => {
    const { options, terminal, letterbox } = desk;
    await letterbox.putBack();
    terminal.progress.clear();
    await write(options.out);
    const where = options.out === undefined ? "" : ` in ${options.out}`;
    for (const line of [`${sumText(gathering.letters)}${where}`, ...restLines(gathering)]) terminal.err(line);
    return endOf(gathering, desk);
  });

/** Removes the messages, and after them the records that they claim. Answers how many are left. */
const removeLetters = async ({ letterbox, claims, terminal }: Desk, letters: Letters<unknown>): Promise<number> => {
  const left = new Set(await letterbox.remove(letters.flatMap(({ messages }) => messages)));
  const gone = letters.filter(({ messages }) => messages.every((id) => !left.has(id)));
  for (const claim of gone.flatMap((letter) => letter.claims)) {
    await claims.remove(claim).catch((error: Error) => terminal.err(`${claim} could not be removed: ${error.message}`));
  }
  return left.size;
};

const fileFor = ({ letterbox }: Desk): string =>
  `${letterbox.name.replace(/\.fifo$/, "")}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.jsonl`;

const drop = (desk: Desk): Promise<number> =>
  withTexts(desk, async (gathering, write) => {
    const { options, terminal, letterbox, signal } = desk;
    const { letters } = gathering;
    for (const line of restLines(gathering)) terminal.err(line);
    const file = options.out ?? fileFor(desk);
    const question = `Write ${sumText(letters)} to ${file} and delete them from ${letterbox.name}?`;
    terminal.progress.clear();
    const isWanted = letters.length > 0 && (options.isConfirmed || (await isConfirmed(question, signal)));
    if (!isWanted || signal.aborted) {
      terminal.out("nothing dropped");
      return letters.length > 0 ? exitCodes.left : endOf(gathering, desk);
    }
    await write(file);
    terminal.out(`${sumText(letters)} written to ${file}`);
    const left = await removeLetters(desk, letters);
    terminal.out(left === 0 ? `${sumText(letters)} dropped` : `${counted(left, "message")} could not be deleted`);
    return left > 0 ? exitCodes.left : endOf(gathering, desk);
  });

const actions = { list, show, export: exportLetters, drop } as const;

const stopping = "stopping: what was received is put back. Ctrl-C once more ends at once";

/** Does what the options ask for, and answers the exit code. @throws {CommandError} when the queue cannot be reached */
export const deadLetters = async (options: DeadLetterOptions, terminal: Terminal): Promise<number> => {
  if (options.action === "drop" && !options.isConfirmed && !canAsk()) {
    throw new CommandError("drop asks before it deletes, and there is no terminal to ask on; expected --yes");
  }
  const interrupt: Interrupt = watchInterrupts(() => terminal.err(stopping));
  const claims = claimsOf(() => s3Client(options.aws));
  const letterbox = await openQueue(options.queueUrl, options.aws);
  try {
    return await actions[options.action]({ options, terminal, letterbox, claims, signal: interrupt.signal });
  } finally {
    await letterbox.close();
    await claims.close();
    interrupt.release();
  }
};
