// Error codes for errors of SES (by name) and of SMTP (by the numbers in a reply). Texts of rejections often quote
// addresses, so our errors contain only the name or the numbers.

import { type AwsService, codeOfNetworkError, SinkError, type SinkErrorCode } from "@sluice/core/sink-kit";

/** Codes by the names of SES errors. @see https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors (read 2026-11-23) */
export const sesService: AwsService = {
  name: "SES",
  codes: {
    LimitExceeded: "SINK_THROTTLED",
    MessageRejected: "SINK_REJECTED",
    BadRequest: "SINK_REJECTED",
    NotFound: "SINK_MISSING", // the configuration set does not exist
    AccountSuspended: "SINK_DENIED",
    SendingPaused: "SINK_DENIED",
    MailFromDomainNotVerified: "SINK_DENIED",
    InternalServiceError: "SINK_UNAVAILABLE",
  },
  tooLarge: /message length is more than \d+ bytes/i,
};

/** The members of a nodemailer error. The sink reads members, because in some tests `instanceof Error` is false. */
interface SmtpFailure {
  readonly code?: unknown;
  /** The reason, if `code` only names the step at which nodemailer failed. */
  readonly originalCode?: unknown;
  readonly command?: unknown;
  readonly response?: unknown;
  readonly responseCode?: unknown;
}

const failureOf = (error: unknown): SmtpFailure => (typeof error === "object" && error !== null ? error : {});

/** Returns the error as the cause, unless its text may quote an address. */
const causeOf = (code: SinkErrorCode, error: unknown): ErrorOptions =>
  code === "SINK_REJECTED" || code === "SINK_TOO_LARGE" ? {} : { cause: error };

/** Whether the command comes before the first mail. A rejection of such a command concerns every mail. */
const isGreeting = (command: unknown): boolean =>
  typeof command === "string" && /^(CONN|EHLO|HELO|LHLO|STARTTLS|AUTH|API)/.test(command);

/** Returns the code of an SMTP reply. @see https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3, https://www.rfc-editor.org/rfc/rfc3463 (read 2026-11-23) */
const codeOfReply = (reply: number, command: unknown, response: string): SinkErrorCode => {
  // 421 and 454: the server, or its login check, is unavailable at the moment. A refused login has a reply code 5xx.
  if (reply === 421 || reply === 454) return "SINK_UNAVAILABLE";
  if (reply < 500) return isGreeting(command) ? "SINK_UNAVAILABLE" : "SINK_THROTTLED";
  if (isGreeting(command) || reply === 530 || reply === 535) return "SINK_DENIED";
  return /\b5\.3\.4\b/.test(response) ? "SINK_TOO_LARGE" : "SINK_REJECTED";
};

/** Codes of errors without a reply. @see https://nodemailer.com/errors (read 2026-11-23) */
const smtpNames: Readonly<Record<string, SinkErrorCode>> = {
  EAUTH: "SINK_DENIED",
  ENOAUTH: "SINK_DENIED",
  EOAUTH2: "SINK_DENIED",
  ETLS: "SINK_DENIED",
  EREQUIRETLS: "SINK_DENIED",
  ECONFIG: "SINK_DENIED",
  EENVELOPE: "SINK_REJECTED",
  EMESSAGE: "SINK_TOO_LARGE", // the mail exceeds the server's limit, which nodemailer checks before it sends
  EABORT: "SINK_TIMEOUT",
};

/** Returns the numbers of a reply, such as `550 5.1.1`, without the text, which may quote the address. */
const numbersOf = (reply: number, response: string): string => {
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
  return enhanced === undefined ? String(reply) : `${reply} ${enhanced}`;
};

/** Creates the error of a delivery from the error that nodemailer threw. */
export const classifySmtp = (sink: string, error: unknown): SinkError => {
  if (error instanceof SinkError) return error;
  const { code: place, originalCode: name = place, command, response, responseCode } = failureOf(error);
  if (typeof responseCode === "number") {
    const text = typeof response === "string" ? response : "";
    const code = codeOfReply(responseCode, command, text);
    const step = typeof command === "string" ? ` to ${command.split(" ", 1)[0]}` : "";
    const message = `[${sink}] the server answered ${numbersOf(responseCode, text)}${step}`;
    return new SinkError(code, message, causeOf(code, error));
  }
  // If nodemailer cannot parse a reply, it reports a rejection. But the server may not have rejected the mail.
  if (typeof response === "string" && response !== "") {
    return new SinkError("SINK_UNAVAILABLE", `[${sink}] the server's answer is not an SMTP reply`);
  }
  const known = typeof name === "string" ? name : "an error without a code";
  const code = smtpNames[known] ?? codeOfNetworkError(known);
  return new SinkError(code, `[${sink}] the mail was not taken: ${known}`, causeOf(code, error));
};
