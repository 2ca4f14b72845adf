// The function that asks a human: it sends the link. The state machine waits for the task token that is in it.

import { type Clock, ConfigError, type InvocationContext, systemClock } from "@sluice/core/sink-kit";
import { type ApprovalSecret, parameterName, secretReader, signed } from "./approval-link.ts";
import type { RedriveMode } from "../redrive/batch.ts";
import { requiredUrl } from "../run/environment.ts";
import { type NewsOptions, newsSender } from "../run/notification.ts";
import { queueName } from "../run/queue.ts";
import type { Survey } from "../run/survey.ts";
import { tallyLines } from "../run/counts-by-sink.ts";

/** Options of the function that asks. Those with a variable may come from the environment instead. */
export interface ApprovalRequestOptions extends NewsOptions {
  /** The dead-letter queue. `SLUICE_DEAD_LETTER_QUEUE_URL`. */
  readonly queueUrl?: string;
  /** Where the page is: the URL of the approval page's function, or of an API before it. `SLUICE_APPROVAL_URL`. */
  readonly pageUrl?: string;
  /** What links are signed with; the page's function has the same. `SLUICE_APPROVAL_SECRET`. */
  readonly secret?: ApprovalSecret;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** What the state machine calls the function with. */
export interface ApprovalRequestEvent {
  /** Step Functions' task token. */
  readonly token: string;
  readonly run: string;
  readonly mode: RedriveMode;
  readonly timeoutSeconds: number;
  readonly survey: Survey;
}

/** The function of the state "Ask for approval". */
export type ApprovalRequestHandler = (event: ApprovalRequestEvent, context?: InvocationContext) => Promise<void>;

const whatHappens: Readonly<Record<RedriveMode, string>> = {
  redrive: "Each goes once more to the sink that failed, and to no other.",
  republish: "Each item that is still as it was is touched in the source table, so that its stream fires again.",
};

const sampleLines = ({ sample }: Survey): string[] =>
  sample.size === 0 ? [] : ["", `Of ${sample.size} that were looked at:`, "", ...tallyLines(sample.found)];

interface Asking {
  readonly event: ApprovalRequestEvent;
  readonly queue: string;
  readonly link: string;
  readonly expiresAt: number;
}

const textOf = ({ event, queue, link, expiresAt }: Asking): string => {
  const { survey, mode, run } = event;
  const { visible, inFlight } = survey.depth;
  return [
    `A redrive of the dead letters in ${queue} waits for your approval.`,
    "",
    `About ${visible} messages are in the queue, and ${inFlight} in flight. ${whatHappens[mode]}`,
    ...sampleLines(survey),
    "",
    `To approve or to reject it, open this page before ${new Date(expiresAt).toISOString()}:`,
    "",
    link,
    "",
    "Whoever has this link can decide. Without an answer nothing is sent, and the dead letters stay where they are.",
    "",
    `Execution: ${run}`,
  ].join("\n");
};

/**
 * The function of the state "Ask for approval". Does no I/O before it is called.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong or missing, by name.
 */
export const approvalRequestHandler = (options: ApprovalRequestOptions = {}): ApprovalRequestHandler => {
  const { clock = systemClock } = options;
  const queue = queueName(requiredUrl("queueUrl", options.queueUrl, "SLUICE_DEAD_LETTER_QUEUE_URL"));
  const pageUrl = requiredUrl("pageUrl", options.pageUrl, "SLUICE_APPROVAL_URL");
  const readSecret = secretReader(options.secret);
  const send = newsSender(options);
  if (send === undefined) {
    throw new ConfigError("CONFIG_INVALID", 'the link has nowhere to go; expected the option "topicArn" or "sendMail"');
  }
  return async (event) => {
    const { token, run, mode, survey } = event;
    const expiresAt = clock.now() + event.timeoutSeconds * 1_000;
    const messages = survey.depth.visible;
    const link = new URL(pageUrl);
    link.searchParams.set(parameterName, signed({ token, expiresAt, run, queue, messages, mode }, await readSecret()));
    const subject = `Approve a redrive of about ${messages} dead letters in ${queue}?`;
    await send({ subject, text: textOf({ event, queue, link: link.href, expiresAt }) });
  };
};
