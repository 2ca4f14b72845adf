// One request of a redrive: the event for the handler, the limits of an event, and the handler's answer.

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

/** Maximum number of messages in a request. A handler can deliver 100 changes within a function's usual timeout. */
export const maxRequestMessages = 100;

/**
 * Maximum bytes of one request's JSON. Slightly less than Lambda's own limit of 6 MB, which is 6,291,456 bytes.
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

/** Returns the number of bytes that a message adds to an event. */
export const recordBytes = (record: TaskRecord): number => Buffer.byteLength(JSON.stringify(record)) + 1;

/** Result of one message. */
export interface RedriveResult {
  /** `unsent` means that the message was not sent, or that the handler did not answer the request. */
  readonly outcome: Outcome | "unsent";
  /** Whether the message must stay in its source: a queue, a file or a bucket. */
  readonly stays: boolean;
  readonly code?: string;
  /** An explanation for people. Contains no item values. */
  readonly reason?: string;
  /** Only in a dry run: the message would be sent, but its target was not asked. */
  readonly isUnchecked?: true;
}

/** Returns the names of the routes in an answer. A pipeline with an earlier version of core does not name its routes. */
export const routesIn = (answer: unknown): readonly string[] => {
  const { routes } = (answer ?? {}) as { readonly routes?: unknown };
  return Array.isArray(routes) ? routes.filter((name) => typeof name === "string") : [];
};

/** The function has answered, but its answer does not have the form of a pipeline's answer. */
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
 * if `batchItemFailures` contains the message's id, or if the whole answer does not contain this id. Other messages are
 * finished: the pipeline has delivered their records, or has sent the records to another queue.
 * @throws {UnexpectedAnswerError} when the answer does not have the form of a pipeline's answer.
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
    const { outcome, code, message, isUnchecked } = found;
    return {
      outcome,
      stays: isDryRun || failed.has(messageId),
      ...(code !== undefined && { code }),
      ...(message !== undefined && { reason: message }),
      ...(isUnchecked && { isUnchecked }),
    };
  };
};
