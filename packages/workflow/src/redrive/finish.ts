// Finishes messages that have a result: deletes the done messages and then their records, and counts all messages.

import type { PipelineLogger } from "@sluice/core";
import type { PayloadStore } from "@sluice/core/envelope";
import { removeWithRecords } from "@sluice/redrive";
import { sinkOf } from "./dead-letter.ts";
import type { DoneMessage, LeftMessage, MessageResult } from "./message-result.ts";
import type { BatchCounts } from "./progress.ts";
import type { QueueMessage, RedriveQueue } from "./queue.ts";

/** State of a batch: open resources, counts, and received messages. */
export interface BatchState {
  readonly queue: RedriveQueue;
  readonly payloadStore: PayloadStore | undefined;
  readonly logger: PipelineLogger;
  readonly counts: BatchCounts;
  /** All received messages that are not deleted yet, by id. Their bodies are left out to save memory. */
  readonly inFlight: Map<string, QueueMessage>;
  /** Messages of this run that have no result yet, by id. */
  readonly pending: Map<string, QueueMessage>;
}

const fieldsOf = ({ deadLetter }: MessageResult) => ({
  message: deadLetter.message.id,
  id: deadLetter.envelope?.id,
  sink: sinkOf(deadLetter),
});

const isDone = (result: MessageResult): result is DoneMessage => "outcome" in result;

const deleteDone = async (
  { queue, logger, payloadStore }: BatchState,
  done: readonly DoneMessage[],
): Promise<ReadonlySet<QueueMessage>> => {
  const removals = done.map(({ deadLetter: { message, envelope } }) => ({
    messages: [message],
    recordUrls: envelope?.recordUrl === undefined ? [] : [envelope.recordUrl],
  }));
  return removeWithRecords(removals, {
    removeMessages: async (messages) => {
      const { successful, errors } = await queue.remove(messages);
      if (errors.length > 0) {
        const fields = { errors: errors.length, first: String(errors[0]) };
        logger.warn("messages could not be deleted, and are received again", fields);
      }
      return new Set(successful);
    },
    payloadStore,
    onError: (recordUrl, error) =>
      logger.warn("a message's record could not be removed", { recordUrl, reason: String(error) }),
  });
};

const countDone = (context: BatchState, done: DoneMessage, isDeleted: boolean): void => {
  const { counts, inFlight, logger } = context;
  const { outcome, deadLetter } = done;
  if (outcome === "dropped") {
    logger.info("dead letter dropped", { ...fieldsOf(done), code: deadLetter.envelope?.code });
  }
  if (isDeleted) inFlight.delete(deadLetter.message.id);
  counts.add(deadLetter.message.id, { outcome, isDeleted });
};

const countLeft = ({ counts, logger }: BatchState, left: LeftMessage): void => {
  logger.warn("dead letter left in its queue", { ...fieldsOf(left), code: left.code, reason: left.reason });
  counts.add(left.deadLetter.message.id, { sink: sinkOf(left.deadLetter), code: left.code });
};

/** Finishes messages. If a message or a record cannot be deleted, logs the error and does not reject. */
export const finish = async (context: BatchState, results: readonly MessageResult[]): Promise<void> => {
  const deleted = await deleteDone(context, results.filter(isDone));
  for (const result of results) {
    const { message } = result.deadLetter;
    context.pending.delete(message.id);
    if (isDone(result)) countDone(context, result, deleted.has(message));
    else countLeft(context, result);
  }
};
