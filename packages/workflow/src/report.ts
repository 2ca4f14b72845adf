// The function that ends every run, good or bad: what was done, and what is left.

import { type Clock, type InvocationContext, type PipelineLogger, systemClock } from "@sluice/core/sink-kit";
import type { Decision } from "./approval/approval-page.ts";
import type { RedriveMode } from "./redrive/batch.ts";
import { consoleLogger, requiredUrl } from "./run/environment.ts";
import { type NewsOptions, newsSender } from "./run/notification.ts";
import { type Counts, noProgress, type Progress } from "./run/progress.ts";
import { type Depth, openQueue, type QueueClient, queueName } from "./run/queue.ts";
import type { Survey } from "./run/survey.ts";
import { type Tally, tallyLines } from "./run/counts-by-sink.ts";

/** Options of the report's function. Those with a variable may come from the environment instead. */
export interface ReportOptions extends NewsOptions {
  /** The dead-letter queue. `SLUICE_DEAD_LETTER_QUEUE_URL`. */
  readonly queueUrl?: string;
  /** Default: lines of JSON on the console. */
  readonly logger?: PipelineLogger;
  readonly clients?: NewsOptions["clients"] & { readonly sqs?: QueueClient };
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** An error that a state caught. */
export interface CaughtError {
  readonly Error?: string;
  readonly Cause?: string;
}

/** The state machine's state at its end: what it has got to. */
export interface FinalState {
  readonly survey?: Survey;
  readonly approval?: Partial<Decision>;
  /** Nobody decided in time. */
  readonly expired?: CaughtError;
  readonly progress?: Progress;
  readonly error?: CaughtError;
}

/** What the state machine calls the function with. */
export interface ReportEvent {
  readonly run: string;
  readonly mode: RedriveMode;
  readonly startedAt: string;
  readonly state: FinalState;
}

/**
 * How a run ended. `completed`: every message was tried; `empty`: there was none; `rejected`, `expired`: by the human,
 * or for want of one; `stopped`: at a limit; `failed`: by an error.
 */
export type RunOutcome = "completed" | "empty" | "rejected" | "expired" | "stopped" | "failed";

/** The output of an execution. `received` is the sum of the other counts. */
export interface Report {
  readonly outcome: RunOutcome;
  /** Why, where it was `stopped` or `failed`. */
  readonly reason: string;
  readonly run: string;
  readonly mode: RedriveMode;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly counts: Counts;
  /** What was tried and is still in the queue, by sink and code. */
  readonly left: Tally;
  /** Settled, and yet in the queue: the delete failed. */
  readonly notDeleted: number;
  /** Batches that reported, and tries of batches that did not. */
  readonly batches: number;
  readonly interrupted: number;
  /** What is in the queue now, as SQS guesses, and what was at the start. */
  readonly queue: { readonly now: Depth | undefined; readonly before: Depth | undefined };
  /** All of it, for people. */
  readonly text: string;
}

/** The function of the state "Report". */
export type ReportHandler = (event: ReportEvent, context?: InvocationContext) => Promise<Report>;

const stops: Readonly<Record<Progress["reason"], string>> = {
  failures: "too many messages were left behind (maxFailures)",
  messages: "the run's number of messages was reached (maxMessages)",
  pipeline: "the pipeline's function failed again and again",
  "": "the run's number of batches was reached (maxBatches)",
};

/** A failed function's cause is JSON with a stack trace, of which the message is enough. */
const messageIn = (cause: string): string => {
  try {
    const { errorMessage } = JSON.parse(cause) as { readonly errorMessage?: unknown };
    return typeof errorMessage === "string" ? errorMessage : cause;
  } catch {
    return cause;
  }
};

const maxReasonLength = 1_000;

const reasonOf = ({ Error: name = "an unknown error", Cause = "" }: CaughtError): string =>
  `${name}: ${messageIn(Cause)}`.slice(0, maxReasonLength);

const outcomeOf = ({ survey, approval, expired, progress, error }: FinalState): [RunOutcome, string] => {
  if (error !== undefined) return ["failed", reasonOf(error)];
  if (expired !== undefined) return ["expired", ""];
  if (approval !== undefined && approval.decision !== "approved") return ["rejected", ""];
  if (survey?.isEmpty) return ["empty", ""];
  if (progress?.next === "done") return ["completed", ""];
  return [progress?.reason === "pipeline" ? "failed" : "stopped", stops[progress?.reason ?? ""]];
};

const countLines = (counts: Counts): string[] =>
  Object.entries(counts).map(([name, count]) => `${String(count).padStart(6)}  ${name}`);

const depthLine = (when: string, depth: Depth | undefined): string[] =>
  depth === undefined
    ? []
    : [`${when}: about ${depth.visible} messages, ${depth.inFlight} in flight, ${depth.delayed} delayed`];

const noteLines = ({ notDeleted, interrupted }: Pick<Report, "notDeleted" | "interrupted">): string[] => [
  ...(notDeleted > 0 ? [`${notDeleted} of them are settled but could not be deleted: they come again.`] : []),
  ...(interrupted > 0
    ? [
        `${interrupted} tries of a batch were cut off. What they had done is in no count.`,
        "What they held comes back into the queue, for another run.",
      ]
    : []),
];

const textOf = (report: Omit<Report, "text">, queue: string): string => {
  const left = tallyLines(report.left);
  return [
    `Redrive of the dead letters in ${queue}: ${report.outcome}${report.reason === "" ? "" : `, ${report.reason}`}`,
    "",
    ...countLines(report.counts),
    ...noteLines(report),
    ...(left.length > 0 ? ["", "Left in the queue, by sink and code:", "", ...left] : []),
    "",
    ...depthLine("Queue before", report.queue.before),
    ...depthLine("Queue now", report.queue.now),
    `Mode: ${report.mode}. From ${report.startedAt} to ${report.endedAt}, in ${report.batches} batches.`,
    `Execution: ${report.run}`,
  ].join("\n");
};

/**
 * The function of the state "Report". It logs the report, and sends it where there is a topic or `sendMail`. Does no I/O
 * before it is called.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong or missing, by name.
 */
export const reportHandler = (options: ReportOptions = {}): ReportHandler => {
  const { logger = consoleLogger, clock = systemClock, clients = {} } = options;
  const queueUrl = requiredUrl("queueUrl", options.queueUrl, "SLUICE_DEAD_LETTER_QUEUE_URL");
  const queue = openQueue(queueUrl, clients.sqs);
  const send = newsSender(options);

  /** A queue that cannot be asked is no reason to report nothing. */
  const depth = (): Promise<Depth | undefined> =>
    queue.depth().catch((error: unknown) => {
      logger.warn("the queue's depth is unknown", { reason: String(error) });
      return undefined;
    });

  return async ({ run, mode, startedAt, state }) => {
    const [outcome, reason] = outcomeOf(state);
    const { counts, left, notDeleted, batches, interrupted } = state.progress ?? noProgress;
    const endedAt = new Date(clock.now()).toISOString();
    const depths = { now: await depth(), before: state.survey?.depth };
    const told = { outcome, reason, run, mode, startedAt, endedAt, counts, left, notDeleted, batches, interrupted };
    const report = { ...told, queue: depths };
    const text = textOf(report, queueName(queueUrl));
    logger.info("redrive ended", report);
    await send?.({ subject: `Redrive of dead letters in ${queueName(queueUrl)}: ${outcome}`, text });
    return { ...report, text };
  };
};
