// The approval page, which the link opens. The page shows the run and two buttons. Opening the link decides nothing,
// because mail scanners open links, too.

import { createHash } from "node:crypto";
import {
  type AwsService,
  type Clock,
  checkClient,
  checkOptionNames,
  lazyClient,
  missingDependency,
  type PipelineLogger,
  systemClock,
  verifiedTls,
} from "@sluice/core/sink-kit";
import { checkClients, consoleLogger, user } from "../redrive/environment.ts";
import { classified } from "../redrive/errors.ts";
import { type Approval, type ApprovalSecret, parameterName, secretReader, verified } from "./approval-link.ts";
import { type Html, markup } from "./html.ts";
import { fieldOf, type HttpAnswer, type HttpEvent, methodOf, queryOf } from "./http-event.ts";

/**
 * The method of the SDK's client `SFN` that the page calls. You may pass your own client of that class.
 * @see https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
 */
export interface TaskClient {
  readonly sendTaskSuccess: (input: { taskToken: string; output: string }) => Promise<unknown>;
}

/** Options of the approval page. If an option names a variable, you can set that environment variable instead. */
export interface ApprovalPageOptions {
  /** The secret that signs the links: the same as in the approval request function. Variable: `SLUICE_APPROVAL_SECRET`. */
  readonly secret?: ApprovalSecret;
  /** Default: a logger that writes lines of JSON to the console. */
  readonly logger?: PipelineLogger;
  readonly clients?: { readonly sfn?: TaskClient };
  /** For tests. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** A handler for a function URL, an HTTP API or a REST API. */
export type ApprovalPageHandler = (event: HttpEvent) => Promise<HttpAnswer>;

/** The decision, as it is sent to the state machine. */
export interface ApprovalDecision {
  readonly decision: "approved" | "rejected";
  /** Time of the decision (ISO 8601, UTC). */
  readonly decidedAt: string;
}

/** The decision for each value of the form's buttons. */
const decisions: ReadonlyMap<string, ApprovalDecision["decision"]> = new Map([
  ["approve", "approved"],
  ["reject", "rejected"],
]);

/** Step Functions' error codes. `SINK_GONE` means that it is too late: the state machine does not wait any more. */
const sfn: AwsService = {
  name: "StepFunctions",
  codes: { InvalidToken: "SINK_GONE", TaskDoesNotExist: "SINK_GONE", TaskTimedOut: "SINK_GONE" },
};

const style =
  "body{font:16px/1.5 sans-serif;max-width:40em;margin:3em auto;padding:0 1em}td,th{text-align:left;padding:.2em 1em .2em 0;vertical-align:top;overflow-wrap:anywhere}button{font:inherit;padding:.5em 1.5em;margin:1em 1em 0 0}";

const headers: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  "cache-control": "no-store",
  // Anyone who has the link can decide, so the browser must not send the link to other sites as the referrer.
  "referrer-policy": "no-referrer",
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "x-robots-tag": "noindex, nofollow",
};

const page = (statusCode: number, title: string, body: Html, more: Record<string, string> = {}): HttpAnswer => {
  const head = markup`<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>`;
  const { text } = markup`<body><h1>${title}</h1>${body}</body></html>`;
  const html = `<!doctype html><html lang="en"><head>${head.text}<style>${style}</style></head>${text}\n`;
  return { statusCode, headers: { ...headers, ...more }, body: html };
};

/** Status, title and text of the pages that have no form. */
const messages = {
  invalid: [403, "This link is not valid", "The workflow has not sent this link, or it is incomplete."],
  tooLate: [
    410,
    "Too late to decide",
    "This redrive was decided already, or the time for the decision is over. This request changed nothing.",
  ],
  failed: [502, "The decision failed", "Step Functions did not accept the decision. Nothing was changed; try again."],
  approved: [200, "Approved", "The redrive continues. Its report follows."],
  rejected: [200, "Rejected", "Nothing is sent. The dead letters stay in the queue."],
  notAllowed: [405, "Not allowed", "Open the link in a browser."],
} as const;

const messagePage = (name: keyof typeof messages, more?: Record<string, string>): HttpAnswer => {
  const [statusCode, title, text] = messages[name];
  return page(statusCode, title, markup`<p>${text}</p>`, more);
};

/** The page with the form. The form has no `action`, so it is sent to the same URL, with the query parameter. */
const question = (statusCode: number, { queue, messages, mode, run, expiresAt }: Approval): HttpAnswer =>
  page(
    statusCode,
    "Redrive of dead letters",
    markup`<table><tr><th>Queue</th><td>${queue}</td></tr><tr><th>Messages</th><td>about ${messages}</td></tr><tr><th>Mode</th><td>${mode}</td></tr><tr><th>Execution</th><td>${run}</td></tr><tr><th>Decide before</th><td>${new Date(expiresAt).toISOString()}</td></tr></table><form method="post"><button name="decision" value="approve">Approve</button><button name="decision" value="reject">Reject</button></form>`,
  );

/**
 * Creates the handler of the approval page: GET shows the run, POST decides. The function's role needs the permission
 * `states:SendTaskSuccess` for the state machine. `approvalPageHandler` itself makes no request.
 * @throws {ConfigError} CONFIG_INVALID, with the option's name, when an option is wrong or missing.
 */
export const approvalPageHandler = (options: ApprovalPageOptions = {}): ApprovalPageHandler => {
  checkOptionNames("approvalPageHandler", options, { secret: true, logger: true, clients: true, clock: true });
  checkClients("approvalPageHandler", options.clients);
  const { clock = systemClock, logger = consoleLogger, clients = {} } = options;
  checkClient(clients.sfn, "sendTaskSuccess", "an SFN client of @aws-sdk/client-sfn");
  const connection = lazyClient<TaskClient>(clients.sfn, async () => {
    const { SFN } = await import("@aws-sdk/client-sfn").catch(missingDependency(user, "@aws-sdk/client-sfn"));
    return new SFN({ requestHandler: verifiedTls });
  });
  const readSecret = secretReader(options.secret);

  const decide = async ({ token, run }: Approval, decision: ApprovalDecision["decision"]): Promise<HttpAnswer> => {
    const client = await connection.get();
    const output: ApprovalDecision = { decision, decidedAt: new Date(clock.now()).toISOString() };
    try {
      await client.sendTaskSuccess({ taskToken: token, output: JSON.stringify(output) });
    } catch (error) {
      const { code, message } = classified(sfn, error);
      logger.warn("decision not accepted by Step Functions", { run, decision, code, reason: message });
      return messagePage(code === "SINK_GONE" ? "tooLate" : "failed");
    }
    logger.info("redrive decided", { run, decision });
    return messagePage(decision);
  };

  return async (event) => {
    const method = methodOf(event);
    if (method !== "GET" && method !== "HEAD" && method !== "POST")
      return messagePage("notAllowed", { allow: "GET, HEAD, POST" });
    const approval = verified(queryOf(event, parameterName), await readSecret());
    if (approval === undefined) return messagePage("invalid");
    if (approval.expiresAt <= clock.now()) return messagePage("tooLate");
    if (method !== "POST") return question(200, approval);
    const decision = decisions.get(fieldOf(event, "decision"));
    return decision === undefined ? question(400, approval) : decide(approval, decision);
  };
};
