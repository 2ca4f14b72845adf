// A request of a redrive: the event that asks the handler for it, and what it answers for each message.

import type { MessageOutcome } from "@sluice/core/envelope";
import { CommandError } from "../../cli/src/command-line/command-error.ts";

/** One message of a request. */
export interface TaskMessage {
  readonly messageId: string;
  readonly body: string;
}

/** The event that asks a pipeline's handler for a redrive. */
export interface RedriveEvent {
  readonly sluice: { readonly task: "redrive"; readonly dryRun?: true };
  readonly Records: readonly TaskMessage[];
}

/**
 * Messages of a request. Lambda takes 6 MB; a request of a hundred changes is short enough for a function's usual
 * timeout, and what a timeout leaves undone is asked for again.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-25)
 */
export const taskLimits = { messages: 100, bytes: 6_000_000 };

/** The event for these messages. */
export const redriveEvent = (messages: readonly TaskMessage[], isDryRun: boolean): RedriveEvent => ({
  sluice: { task: "redrive", ...(isDryRun && { dryRun: true as const }) },
  Records: messages,
});

/** Bytes of the event around its messages, and of one message in it. */
export const eventOverhead: number = Buffer.byteLength(JSON.stringify(redriveEvent([], true)));
export const messageBytes = (message: TaskMessage): number => Buffer.byteLength(JSON.stringify(message)) + 1;

/** What the handler answered for each message. */
export interface TaskAnswer {
  readonly outcomeOf: (messageId: string) => MessageOutcome;
  /** Whether the message has to stay where it is. */
  readonly stays: (messageId: string) => boolean;
}

const unanswered = (itemIdentifier: string): MessageOutcome => ({
  itemIdentifier,
  outcome: "retried",
  code: "UNANSWERED",
  message: "the handler did not say what became of the message",
});

/**
 * Reads the handler's answer. A message that it does not name has not been delivered.
 * @throws {CommandError} when it is not the answer of a pipeline's handler
 */
export const taskAnswer = (answer: unknown): TaskAnswer => {
  const { outcomes, batchItemFailures } = (answer ?? {}) as {
    readonly outcomes?: readonly MessageOutcome[];
    readonly batchItemFailures?: readonly { readonly itemIdentifier: string }[];
  };
  if (!Array.isArray(outcomes) || !Array.isArray(batchItemFailures)) {
    throw new CommandError("the function answered no outcomes; expected the handler of a Sluice pipeline");
  }
  const byId = new Map(outcomes.map((outcome) => [outcome.itemIdentifier, outcome]));
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  return {
    outcomeOf: (messageId) => byId.get(messageId) ?? unanswered(messageId),
    stays: (messageId) => failed.has(messageId) || !byId.has(messageId),
  };
};
