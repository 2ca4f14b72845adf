// Reads which items have open dead letters, or changes in the retry queue.

import type { OpenDeadLetter } from "@sluice/backfill";
import { stillHidden } from "@sluice/inspect/queue";
import { s3Client } from "../aws/clients.ts";
import { openPayloads } from "../aws/payloads.ts";
import { readDeadLetters } from "../filter/dead-letter-filter.ts";
import { openQueue } from "../message-source/open-source.ts";
import { unitReceiver } from "../message-source/receive-units.ts";
import { counted } from "../terminal/format.ts";
import type { Notes } from "../terminal/terminal.ts";
import type { VerifyCommandOptions } from "./options.ts";

/** Receives the messages of one queue, and releases them. */
const readQueue = async (
  queueUrl: string,
  pipeline: string,
  { aws, payloadStore }: VerifyCommandOptions,
  terminal: Notes,
  signal: AbortSignal,
): Promise<readonly OpenDeadLetter[]> => {
  const source = await openQueue(queueUrl, aws);
  const payloads = openPayloads(payloadStore, () => s3Client(aws));
  let unknown = 0;
  try {
    const status = await source.status();
    const read = readDeadLetters<OpenDeadLetter | undefined>({}, payloads, {
      needsRecord: () => true,
      keep: (envelope) => {
        const keys = envelope.record.dynamodb?.Keys;
        if (envelope.pipeline !== pipeline) return undefined;
        if (keys === undefined) unknown += 1;
        return keys && { keys, route: envelope.sink };
      },
    });
    const onProgress = (done: number): void =>
      terminal.progress.update({ doing: "reading dead letters", done, total: status.available });
    const { units, size, failure } = await unitReceiver({ source, read, onProgress }).receive(signal);
    if (failure !== undefined) throw failure.error;
    const hidden = stillHidden(status, size);
    if (hidden > 0)
      terminal.err(
        `${source.name}: ${counted(hidden, "message")} could not be received, and may be of items that differ`,
      );
    if (unknown > 0) {
      terminal.err(
        `${source.name}: the items of ${counted(unknown, "dead letter")} are unknown: expected --payload-store`,
      );
    }
    return units.flatMap(({ value }) => value ?? []);
  } finally {
    await source.close();
    await payloads.close();
  }
};

/** Returns a function that reads the queues at its first call. */
export const deadLetterReader = (
  options: VerifyCommandOptions,
  pipeline: string,
  terminal: Notes,
  signal: AbortSignal,
): (() => Promise<readonly OpenDeadLetter[]>) => {
  let reading: Promise<readonly OpenDeadLetter[]> | undefined;
  const readAll = async (): Promise<readonly OpenDeadLetter[]> => {
    const all: OpenDeadLetter[] = [];
    for (const url of options.deadLetters) all.push(...(await readQueue(url, pipeline, options, terminal, signal)));
    return all;
  };
  return () => {
    reading ??= readAll();
    return reading;
  };
};
