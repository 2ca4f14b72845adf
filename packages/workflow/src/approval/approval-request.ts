// The function of the state "Ask for approval". Sends a link to a person. The state machine waits for the decision.

import { type Clock, ConfigError, checkOptionNames, type InvocationContext, systemClock } from "@sluice/core/sink-kit";
import { countLines } from "../redrive/counts-by-sink.ts";
import { checkClients, requiredUrl } from "../redrive/environment.ts";
import type { Inspection } from "../redrive/inspection.ts";
import { type NotificationOptions, notifier } from "../redrive/notification.ts";
import { type QueueOptions, queueName } from "../redrive/queue.ts";
import type { RedriveMode } from "../redrive/settings.ts";
import { type ApprovalSecret, parameterName, secretReader, signed } from "./approval-link.ts";

/** Options of the function. If an option names a variable, you can set that environment variable instead. */
export interface ApprovalRequestOptions extends NotificationOptions, Pick<QueueOptions, "queueUrl"> {
  /** URL of the approval page: a Lambda function URL, or an API Gateway URL. Variable: `SLUICE_APPROVAL_URL`. */
  readonly pageUrl?: string;
  /** The secret with which links are signed. Must be the approval page's secret. Variable: `SLUICE_APPROVAL_SECRET`. */
  readonly secret?: ApprovalSecret;
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** The event that the state machine sends. */
export interface ApprovalRequestEvent {
  /** Step Functions' task token, which is needed to send the decision. */
  readonly token: string;
  readonly run: string;
  readonly mode: RedriveMode;
  readonly timeoutSeconds: number;
  readonly inspection: Inspection;
}

/** The function of the state "Ask for approval". */
export type ApprovalRequestHandler = (event: ApprovalRequestEvent, context?: InvocationContext) => Promise<void>;

const effects: Readonly<Record<RedriveMode, string>> = {
  redrive: "Each dead letter is sent again to the sink that failed, and to no other.",
  republish: "Each item that was not changed since is updated in the source table, so that its stream emits a record.",
};

const sampleLines = ({ sample }: Inspection): string[] =>
  sample.size === 0 ? [] : ["", `A sample of ${sample.size} messages:`, "", ...countLines(sample.counts)];

const textOf = (event: ApprovalRequestEvent, queue: string, link: string, expiresAt: number): string => {
  const { inspection, mode, run } = event;
  const { visible, inFlight } = inspection.depth;
  return [
    `A redrive of the dead letters in ${queue} waits for approval.`,
    "",
    `About ${visible} messages are in the queue, and ${inFlight} in flight. ${effects[mode]}`,
    ...sampleLines(inspection),
    "",
    `To approve or reject it, open this page before ${new Date(expiresAt).toISOString()}:`,
    "",
    link,
    "",
    "Anyone who has this link can decide. Without a decision, nothing is sent and the dead letters stay in the queue.",
    "",
    `Execution: ${run}`,
  ].join("\n");
};

/**
 * Creates the function of the state "Ask for approval". `approvalRequestHandler` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const approvalRequestHandler = (options: ApprovalRequestOptions = {}): ApprovalRequestHandler => {
  checkOptionNames("approvalRequestHandler", options, {
    queueUrl: true,
    pageUrl: true,
    secret: true,
    topicArn: true,
    sendMail: true,
    clients: true,
    clock: true,
  });
  checkClients("approvalRequestHandler", options.clients);
  const { clock = systemClock } = options;
  const queue = queueName(options);
  const pageUrl = requiredUrl("pageUrl", options.pageUrl, "SLUICE_APPROVAL_URL");
  const readSecret = secretReader(options.secret);
  const send = notifier(options);
  if (send === undefined) {
    throw new ConfigError("CONFIG_INVALID", 'the link cannot be sent; expected the option "topicArn" or "sendMail"');
  }
  return async (event) => {
    const { token, run, mode, inspection } = event;
    const expiresAt = clock.now() + event.timeoutSeconds * 1_000;
    const messages = inspection.depth.visible;
    const link = new URL(pageUrl);
    link.searchParams.set(parameterName, signed({ token, expiresAt, run, queue, messages, mode }, await readSecret()));
    const subject = `Approve a redrive of about ${messages} dead letters in ${queue}?`;
    await send({ subject, text: textOf(event, queue, link.href, expiresAt) });
  };
};
