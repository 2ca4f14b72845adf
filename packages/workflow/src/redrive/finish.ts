// What a batch does with letters that it has found out about: the message is deleted first, then what it claims, then
// the account is written.

import type { PipelineLogger } from "@sluice/core";
import type { PayloadStore } from "@sluice/core/envelope";
import type { Concluded, LeftLetter, SettledLetter } from "./message-result.ts";
import { sinkOf } from "../run/dead-letter.ts";
import type { Ledger } from "../run/progress.ts";
import type { Queue, QueueMessage } from "../run/queue.ts";

/** What concluding needs, and the messages that this batch hides from others. */
export interface Conclusion {
  readonly queue: Queue;
  readonly payloadStore: PayloadStore | undefined;
  readonly logger: PipelineLogger;
  readonly ledger: Ledger;
  /** Those that are not deleted, by id, without their bodies. */
  readonly hidden: Map<string, QueueMessage>;
  /** Those of which nothing is known yet. */
  readonly open: Map<string, QueueMessage>;
}

const told = ({ letter }: Concluded) => ({
  message: letter.message.id,
  id: letter.envelope?.id,
  sink: sinkOf(letter),
});

const isSettled = (concluded: Concluded): concluded is SettledLetter => "settled" in concluded;

const deleted = async ({ queue, logger }: Conclusion, letters: readonly SettledLetter[]) => {
  if (letters.length === 0) return new Set<string>();
  const { ids, errors } = await queue.remove(letters.map(({ letter }) => letter.message));
  if (errors.length > 0) {
    logger.warn("messages not deleted, they come again", { errors: errors.length, first: String(errors[0]) });
  }
  return ids;
};

/** Objects of messages that are still there are still needed. */
const removeClaim = async (
  { payloadStore, logger }: Conclusion,
  { letter: { envelope, message } }: SettledLetter,
): Promise<void> => {
  if (payloadStore === undefined || envelope?.recordUrl === undefined) return;
  try {
    await payloadStore.remove(envelope.recordUrl);
  } catch (error) {
    const fields = { message: message.id, reason: String(error) };
    logger.warn("a record that was kept for its message is not removed", fields);
  }
};

const noteSettled = (conclusion: Conclusion, concluded: SettledLetter, isDeleted: boolean): void => {
  const { ledger, hidden, logger } = conclusion;
  const { settled, letter } = concluded;
  if (settled === "dropped") logger.info("dead letter dropped", { ...told(concluded), code: letter.envelope?.code });
  if (isDeleted) hidden.delete(letter.message.id);
  ledger.note(letter.message.id, { settled, isDeleted });
};

const noteLeft = ({ ledger, logger }: Conclusion, left: LeftLetter): void => {
  logger.warn("dead letter left in its queue", { ...told(left), code: left.code, reason: left.reason });
  ledger.note(left.letter.message.id, { sink: sinkOf(left.letter), code: left.code });
};

/** Concludes letters. Does not reject for what the next run can do. */
export const conclude = async (conclusion: Conclusion, letters: readonly Concluded[]): Promise<void> => {
  const ids = await deleted(conclusion, letters.filter(isSettled));
  for (const concluded of letters) {
    conclusion.open.delete(concluded.letter.message.id);
    if (!isSettled(concluded)) {
      noteLeft(conclusion, concluded);
      continue;
    }
    const isDeleted = ids.has(concluded.letter.message.id);
    if (isDeleted) await removeClaim(conclusion, concluded);
    noteSettled(conclusion, concluded, isDeleted);
  }
};
