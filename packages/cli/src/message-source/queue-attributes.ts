// Reads a queue's attributes.

import { jsonMembers, queueDepth } from "@sluice/core/envelope";
import { counted } from "../terminal/format.ts";
import type { SourceStatus } from "./message-source.ts";

/** Attributes as SQS returns them. */
export type QueueAttributes = Readonly<Partial<Record<string, string>>>;

/** Bounds of the visibility timeout in seconds. They are small, because a crash must not hide messages for hours. */
const visibility = { least: 1, default: 30, most: 300 };

/** Returns the seconds for which messages are hidden: the queue's own visibility timeout, within the bounds. */
export const visibilitySeconds = ({ VisibilityTimeout }: QueueAttributes): number =>
  Math.min(visibility.most, Math.max(visibility.least, Number(VisibilityTimeout ?? 0) || visibility.default));

/** Returns the queue's status before anything is received. */
export const statusOf = (attributes: QueueAttributes): SourceStatus => {
  const { visible, inFlight, delayed } = queueDepth(attributes);
  const receives = Number(jsonMembers(attributes.RedrivePolicy ?? "").maxReceiveCount) || 0;
  const note = `its RedrivePolicy moves a message after ${counted(receives, "receive")}, and this command receives each message`;
  return { available: visible, hidden: inFlight + delayed, alreadyDone: 0, notes: receives === 0 ? [] : [note] };
};
