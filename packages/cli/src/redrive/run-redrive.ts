// Redrives the messages of a source in rounds, and releases the messages that stay.

import { type MessageSource, type SourceStatus, stillHidden } from "@sluice/inspect/queue";
import { s3Client } from "../aws/clients.ts";
import { openPayloads } from "../aws/payloads.ts";
import { openTemporaryFile } from "../files/temporary-file.ts";
import { isSelective } from "../filter/dead-letter-filter.ts";
import { openSource } from "../message-source/open-source.ts";
import { resources } from "../pipeline-command/resources.ts";
import { counted } from "../terminal/format.ts";
import { leftOf, type MessageCounts, redriveCounts } from "./counts.ts";
import { finisher } from "./finish.ts";
import type { OpenRedrive, RunOptions } from "./open-redrive.ts";
import {
  isLeft,
  newCauses,
  type Remainder,
  remainderLines,
  sumLine,
  unmatchedFilterLines,
  unroutedHint,
} from "./report.ts";
import { makeRounds, type RoundsEnd } from "./rounds.ts";

/** How a redrive ended. */
export interface RedriveEnd {
  readonly counts: MessageCounts;
  /** The report, for people. */
  readonly lines: readonly string[];
  /** Whether messages are left. */
  readonly isLeft: boolean;
  /** The error that ended the redrive early. */
  readonly failure: RoundsEnd["failure"];
}

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

/** Formats the report: the sum, the reasons why messages are left, and the records that are lost. */
const reportLines = (
  { counts, causes, options }: OpenRedrive,
  unsupportedLines: readonly string[],
  remainder: Remainder,
): string[] => {
  const about = [...causes.lines(), ...unsupportedLines, ...unmatchedFilterLines(counts), ...remainderLines(remainder)];
  const hints = counts.of("unrouted") > 0 ? [unroutedHint] : [];
  return [
    sumLine(counts, options.isDryRun),
    ...[...about, ...hints].map((line) => `  ${line}`),
    ...causes.lost().map((line) => `lost: ${line}`),
  ];
};

const run = async (redrive: OpenRedrive): Promise<RedriveEnd> => {
  const { source, counts, options } = redrive;
  const status = await source.status();
  writeStatus(redrive, status);
  counts.receive(status.alreadyDone);
  counts.add("alreadyDone", status.alreadyDone);
  const finishing = finisher(redrive);
  const { isFull, unsupportedLines, failure } = await makeRounds(redrive, finishing, status);
  const remainder: Remainder = {
    behind: await countBehind(redrive).catch(() => 0),
    notReleased: await source.release(),
    hidden: stillHidden(status, counts.received()),
    isFull,
    notRemoved: finishing.notRemoved(),
    expired: source.expired(),
    isEverything: !isSelective(options.filter),
  };
  const lines = reportLines(redrive, unsupportedLines, remainder);
  return { counts, lines, isLeft: isLeft(counts, remainder), failure };
};

/** Opens the source, and redrives its messages. Closes what it has opened. @throws {CommandError} when the source cannot be reached */
export const runRedrive = async (
  redrive: Pick<OpenRedrive, "options" | "terminal" | "invoker" | "signal"> &
    Partial<Pick<OpenRedrive, "edit" | "onFinished">> & {
      /** Changes how the messages are received. */
      readonly wrap?: (source: MessageSource) => MessageSource;
    },
): Promise<RedriveEnd> => {
  const { wrap = (source) => source, ...given } = redrive;
  const { address, aws, payloadStore }: RunOptions = given.options;
  const opened = resources();
  try {
    return await run({
      onFinished: () => undefined,
      ...given,
      source: wrap(opened.add(await openSource(address, aws))),
      payloads: opened.add(openPayloads(payloadStore, () => s3Client(aws))),
      file: opened.add(await openTemporaryFile()),
      counts: redriveCounts(),
      causes: newCauses(),
    });
  } finally {
    await opened.close();
  }
};
