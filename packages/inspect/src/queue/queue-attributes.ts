// Reads a queue's attributes.

import { jsonMembers, queueDepth } from "@sluice/core/envelope";
import type { SourceStatus } from "./message-source.ts";

/** Attributes as SQS returns them. */
export type QueueAttributes = Readonly<Partial<Record<string, string>>>;

/** Limits of the visibility timeout in seconds. The maximum is small, so that messages reappear soon after a crash. */
const visibility = { least: 1, default: 30, most: 300 };

/** Returns the seconds for which a receive hides messages: the queue's visibility timeout, but within the limits. */
export const visibilitySeconds = ({ VisibilityTimeout }: QueueAttributes): number =>
  Math.min(visibility.most, Math.max(visibility.least, Number(VisibilityTimeout ?? 0) || visibility.default));

/** Converts the queue's attributes to its status. */
export const statusOf = (attributes: QueueAttributes): SourceStatus => {
  const { visible, inFlight, delayed } = queueDepth(attributes);
  const receives = Number(jsonMembers(attributes.RedrivePolicy ?? "").maxReceiveCount) || 0;
  const note = `its RedrivePolicy moves a message after ${receives === 1 ? "1 receive" : `${receives} receives`}, and this command receives each message`;
  return { available: visible, hidden: inFlight + delayed, alreadyDone: 0, notes: receives === 0 ? [] : [note] };
};
