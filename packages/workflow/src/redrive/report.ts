// The function of the state "Report", the last state of every run. Reports the counts and the messages that are left.

import { jsonMembers, type QueueDepth } from "@sluice/core/envelope";
import { type Clock, checkOptionNames, type InvocationContext, systemClock } from "@sluice/core/sink-kit";
import type { ApprovalDecision } from "../approval/approval-page.ts";
import { type CountsBySink, countLines } from "./counts-by-sink.ts";
import { checkClients, consoleLogger } from "./environment.ts";
import type { Inspection } from "./inspection.ts";
import { type NotificationOptions, notifier } from "./notification.ts";
import { plainLine } from "./plain-text.ts";
import { noProgress, type Progress, type RedriveCounts } from "./progress.ts";
import { openQueue, type QueueOptions, queueName } from "./queue.ts";
import type { RedriveMode } from "./settings.ts";

/** Options of the report function. If an option names a variable, you can set that environment variable instead. */
export interface ReportOptions extends NotificationOptions, QueueOptions {
  readonly clients?: NonNullable<NotificationOptions["clients"]> & NonNullable<QueueOptions["clients"]>;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** An error that a state has caught, in the format of Step Functions. */
export interface CaughtError {
  readonly Error?: string;
  readonly Cause?: string;
}

/** The data that the state machine has collected when it reaches the state "Report". */
export interface FinalState {
  readonly inspection?: Inspection;
  readonly approval?: Partial<ApprovalDecision>;
  /** Present if the run was neither approved nor rejected in time. */
  readonly expired?: CaughtError;
  readonly progress?: Progress;
  readonly error?: CaughtError;
}

/** The event that the state machine sends. */
export interface ReportEvent {
  readonly run: string;
  readonly mode: RedriveMode;
  readonly startedAt: string;
  readonly state: FinalState;
}

/**
 * How a run ended. `completed`: every message was attempted; `empty`: the queue was empty; `rejected`: a person decided
 * against it; `expired`: no decision came in time; `stopped`: the run reached a limit; `failed`: an error ended the run.
 */
export type RunOutcome = "completed" | "empty" | "rejected" | "expired" | "stopped" | "failed";

/** The output of an execution. */
export interface Report {
  readonly outcome: RunOutcome;
  /** Why the run was `stopped` or `failed`. An empty text for other outcomes. */
  readonly reason: string;
  readonly run: string;
  readonly mode: RedriveMode;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly counts: RedriveCounts;
  /** Messages that were attempted and are still in the queue. */
  readonly left: CountsBySink;
  /** Number of messages that are done but could not be deleted. */
  readonly notDeleted: number;
  /** Number of batches that returned counts. `interrupted` is the number of attempts that did not. */
  readonly batches: number;
  readonly interrupted: number;
  /** The queue's depth at the end and at the start of the run. */
  readonly queue: { readonly now: QueueDepth | undefined; readonly before: QueueDepth | undefined };
  /** The report as text, for people. */
  readonly text: string;
}

/** The function of the state "Report". */
export type ReportHandler = (event: ReportEvent, context?: InvocationContext) => Promise<Report>;

const stopReasons: Readonly<Record<Progress["reason"], string>> = {
  failures: "too many messages were left (maxFailures)",
  messages: "the limit of messages was reached (maxMessages)",
  pipeline: "the pipeline's function failed in too many requests in a row",
  "": "the limit of batches was reached (maxBatches)",
};

/** Returns the error message in `Cause`, which is JSON with a stack trace if a function failed. */
const messageIn = (cause: string): string => {
  const { errorMessage } = jsonMembers(cause);
  return typeof errorMessage === "string" ? errorMessage : cause;
};

const maxReasonLength = 1_000;

const reasonOf = ({ Error: name = "an unknown error", Cause = "" }: CaughtError): string =>
  plainLine(`${name}: ${messageIn(Cause)}`.slice(0, maxReasonLength));

const outcomeOf = ({ inspection, approval, expired, progress, error }: FinalState): [RunOutcome, string] => {
  if (error !== undefined) return ["failed", reasonOf(error)];
  if (expired !== undefined) return ["expired", ""];
  if (approval !== undefined && approval.decision !== "approved") return ["rejected", ""];
  if (inspection?.isEmpty) return ["empty", ""];
  if (progress?.next === "done") return ["completed", ""];
  return [progress?.reason === "pipeline" ? "failed" : "stopped", stopReasons[progress?.reason ?? ""]];
};

const outcomeLines = (counts: RedriveCounts): string[] =>
  Object.entries(counts).map(([name, count]) => `${String(count).padStart(6)}  ${name}`);

const depthLine = (when: string, depth: QueueDepth | undefined): string[] =>
  depth === undefined
    ? []
    : [`${when}: about ${depth.visible} messages, ${depth.inFlight} in flight, ${depth.delayed} delayed`];

const noteLines = ({ notDeleted, interrupted }: Pick<Report, "notDeleted" | "interrupted">): string[] => [
  ...(notDeleted > 0 ? [`${notDeleted} of them are done but could not be deleted: they are received again.`] : []),
  ...(interrupted > 0
    ? [
        `${interrupted} attempts of a batch were interrupted. Their messages are not counted.`,
        "Those that are not done are visible in the queue again, for another run.",
      ]
    : []),
];

/** Says what to do about messages of routes that the pipeline does not have: another run would leave them again. */
const unroutedLines = (left: CountsBySink): string[] =>
  Object.values(left).some((codes) => Object.hasOwn(codes, "RECORD_UNROUTED"))
    ? [
        "",
        "RECORD_UNROUTED: the pipeline has no route of this name, and another run leaves these messages again.",
        "Give a renamed route its former name; delete the messages of a removed route with sluice dead-letters delete.",
      ]
    : [];

const textOf = (report: Omit<Report, "text">, queue: string): string => {
  const left = countLines(report.left);
  return [
    `Redrive of the dead letters in ${queue}: ${report.outcome}${report.reason === "" ? "" : `, ${report.reason}`}`,
    "",
    ...outcomeLines(report.counts),
    ...noteLines(report),
    ...(left.length > 0 ? ["", "Left in the queue, by sink and code:", "", ...left] : []),
    ...unroutedLines(report.left),
    "",
    ...depthLine("Queue before", report.queue.before),
    ...depthLine("Queue now", report.queue.now),
    `Mode: ${report.mode}. From ${report.startedAt} to ${report.endedAt}, in ${report.batches} batches.`,
    `Execution: ${report.run}`,
  ].join("\n");
};

/**
 * Creates the function of the state "Report". The function logs the report. If `topicArn` or `sendMail` is given, the
 * function also sends the report. `reportHandler` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const reportHandler = (options: ReportOptions = {}): ReportHandler => {
  checkOptionNames("reportHandler", options, {
    queueUrl: true,
    topicArn: true,
    sendMail: true,
    logger: true,
    clients: true,
    clock: true,
  });
  checkClients("reportHandler", options.clients);
  const { logger = consoleLogger, clock = systemClock } = options;
  const queue = openQueue(options);
  const name = queueName(options);
  const send = notifier(options);

  /** Returns undefined if the queue cannot be reached. In that case, the report does not contain the depth. */
  const depth = (): Promise<QueueDepth | undefined> =>
    queue.depth().catch((error: unknown) => {
      logger.warn("the queue's depth is unknown", { reason: String(error) });
      return undefined;
    });

  return async ({ run, mode, startedAt, state }) => {
    const [outcome, reason] = outcomeOf(state);
    const { counts, left, notDeleted, batches, interrupted } = state.progress ?? noProgress;
    const endedAt = new Date(clock.now()).toISOString();
    const depths = { now: await depth(), before: state.inspection?.depth };
    const ending = { outcome, reason, run, mode, startedAt, endedAt };
    const report = { ...ending, counts, left, notDeleted, batches, interrupted, queue: depths };
    const text = textOf(report, name);
    logger.info("redrive ended", report);
    await send?.({ subject: `Redrive of dead letters in ${name}: ${outcome}`, text });
    return { ...report, text };
  };
};
