// One request of a redrive: the event that the handler gets, its limits, and the handler's answer for each message.

import type { MessageOutcome, Outcome } from "@sluice/core/envelope";

/** A message in a redrive event. */
export interface TaskRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes?: { readonly ApproximateReceiveCount: string };
}

/** The event that asks a pipeline's handler to redrive messages. */
export interface RedriveEvent {
  readonly sluice: { readonly task: "redrive"; readonly dryRun?: true };
  readonly Records: readonly TaskRecord[];
}

/** Maximum messages of one request. A handler can deliver a hundred changes within a function's usual timeout. */
export const maxRequestMessages = 100;

/**
 * Maximum bytes of one request's JSON. Lambda's limit of 6 MB is 6,291,456 bytes.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-25)
 */
export const maxRequestBytes = 6_000_000;

/** Creates the event for these messages. */
export const redriveEvent = (records: readonly TaskRecord[], isDryRun: boolean): RedriveEvent => ({
  sluice: { task: "redrive", ...(isDryRun && { dryRun: true as const }) },
  Records: records,
});

/** Bytes of an event that contains no messages. */
export const eventBytes: number = Buffer.byteLength(JSON.stringify(redriveEvent([], true)));

/** Bytes that a message adds to an event. */
export const recordBytes = (record: TaskRecord): number => Buffer.byteLength(JSON.stringify(record)) + 1;

/** Result of one message. */
export interface RedriveResult {
  /** `unsent` means that no answered request contained the message. */
  readonly outcome: Outcome | "unsent";
  /** Whether the message must stay in its source. */
  readonly stays: boolean;
  readonly code?: string;
  /** For people. Contains no item values. */
  readonly reason?: string;
}

/** The function's answer is not the answer of a pipeline's handler. */
export class UnexpectedAnswerError extends Error {
  override name = "UnexpectedAnswerError";
}

const unanswered: RedriveResult = {
  outcome: "retried",
  stays: true,
  code: "UNANSWERED",
  reason: "the handler's answer does not name the message",
};

/**
 * Reads the handler's answer. Returns a function that looks up the result of a message. A message stays in its source
 * if `batchItemFailures` lists it, or if the answer does not name it. Any other message is delivered, or the pipeline
 * has stored its records in another queue.
 * @throws {UnexpectedAnswerError} when the answer is not that of a pipeline's handler.
 */
export const readAnswer = (answer: unknown, isDryRun: boolean): ((messageId: string) => RedriveResult) => {
  const { outcomes, batchItemFailures } = (answer ?? {}) as {
    readonly outcomes?: readonly MessageOutcome[];
    readonly batchItemFailures?: readonly { readonly itemIdentifier: string }[];
  };
  if (!Array.isArray(outcomes) || !Array.isArray(batchItemFailures)) {
    throw new UnexpectedAnswerError(
      "the function's answer has no outcomes; expected the answer of a Sluice pipeline's handler",
    );
  }
  const byId = new Map(outcomes.map((outcome: MessageOutcome) => [outcome.itemIdentifier, outcome]));
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  return (messageId) => {
    const found = byId.get(messageId);
    if (found === undefined) return unanswered;
    const { outcome, code, message } = found;
    const stays = isDryRun || failed.has(messageId);
    return { outcome, stays, ...(code !== undefined && { code }), ...(message !== undefined && { reason: message }) };
  };
};
