// What a queue's attributes say of it.

import { counted } from "../terminal/format.ts";
import type { Stock } from "./message-source.ts";

export type QueueAttributes = Readonly<Record<string, string>>;

/** A queue's own visibility timeout, within these seconds: a crash must not hide messages for hours. */
const hold = { least: 1, usual: 30, most: 300 };

const numberIn = (attributes: QueueAttributes, name: string): number => Number(attributes[name] ?? 0);

/** For how many seconds at a time messages are held. */
export const holdSecondsOf = (attributes: QueueAttributes): number => {
  const own = numberIn(attributes, "VisibilityTimeout") || hold.usual;
  return Math.min(hold.most, Math.max(hold.least, own));
};

/** How often a message may be received before SQS moves it to another queue. */
const receivesBeforeMove = ({ RedrivePolicy }: QueueAttributes): number | undefined => {
  if (RedrivePolicy === undefined) return undefined;
  return Number((JSON.parse(RedrivePolicy) as { readonly maxReceiveCount?: unknown }).maxReceiveCount) || undefined;
};

/** What is known of the queue before anything is received. */
export const stockOf = (attributes: QueueAttributes): Stock => {
  const receives = receivesBeforeMove(attributes);
  return {
    waiting: numberIn(attributes, "ApproximateNumberOfMessages"),
    hidden:
      numberIn(attributes, "ApproximateNumberOfMessagesNotVisible") +
      numberIn(attributes, "ApproximateNumberOfMessagesDelayed"),
    removedBefore: 0,
    notes:
      receives === undefined
        ? []
        : [`its RedrivePolicy moves a message away after ${counted(receives, "receive")}, and each look is one`],
  };
};
