import { describe, expect, test } from "@jest/globals";
import { awsRequestError } from "@sluice/core/sink-kit";
import { classifySmtp, sesService } from "../src/classify.ts";

const sesError = (name: string, status: number, text = "text"): Error =>
  Object.assign(new Error(text), { name, $metadata: { httpStatusCode: status } });

describe("SES", () => {
  test.each([
    ["TooManyRequestsException", 429, "SINK_THROTTLED"],
    ["ThrottlingException", 400, "SINK_THROTTLED"],
    ["LimitExceededException", 400, "SINK_THROTTLED"],
    ["MessageRejected", 400, "SINK_REJECTED"],
    ["BadRequestException", 400, "SINK_REJECTED"],
    ["NotFoundException", 404, "SINK_MISSING"],
    ["AccountSuspendedException", 400, "SINK_DENIED"],
    ["SendingPausedException", 400, "SINK_DENIED"],
    ["MailFromDomainNotVerifiedException", 400, "SINK_DENIED"],
    ["AccessDeniedException", 403, "SINK_DENIED"],
    ["InternalServiceErrorException", 500, "SINK_UNAVAILABLE"],
    ["SomethingNew", 400, "SINK_REJECTED"],
    ["SomethingNew", 502, "SINK_UNAVAILABLE"],
    ["TimeoutError", 0, "SINK_TIMEOUT"],
  ])("%s (%i) is %s", (name, status, code) => {
    expect(awsRequestError("email", sesService, sesError(name, status)).code).toBe(code);
  });

  test("a mail over the limit is SINK_TOO_LARGE", () => {
    const error = sesError("BadRequestException", 400, "Message length is more than 10485760 bytes long: 99999999");
    expect(awsRequestError("email", sesService, error).code).toBe("SINK_TOO_LARGE");
  });

  test("an address in the text of an error is omitted", () => {
    const text = "Email address is not verified: ada@example.com";
    const { message, cause } = awsRequestError("email", sesService, sesError("MessageRejected", 400, text));
    expect(message).toContain("MessageRejected");
    expect(`${message} ${String(cause)}`).not.toContain("ada@");
  });
});

describe("SMTP", () => {
  const reply = (responseCode: number, command: string, text = ""): Error =>
    Object.assign(new Error(`quotes ada@example.com`), {
      code: "EENVELOPE",
      responseCode,
      command,
      response: `${responseCode} ${text}`,
    });

  test.each([
    [421, "RCPT TO", "", "SINK_UNAVAILABLE"],
    [450, "RCPT TO", "4.2.1", "SINK_THROTTLED"],
    [451, "RCPT TO", "4.7.1", "SINK_THROTTLED"],
    [452, "DATA", "4.3.1", "SINK_THROTTLED"],
    [451, "MAIL FROM", "", "SINK_THROTTLED"],
    [454, "AUTH PLAIN", "4.7.0", "SINK_UNAVAILABLE"],
    [432, "AUTH PLAIN", "", "SINK_UNAVAILABLE"],
    [530, "MAIL FROM", "5.7.0", "SINK_DENIED"],
    [535, "AUTH PLAIN", "5.7.8", "SINK_DENIED"],
    [534, "AUTH LOGIN", "", "SINK_DENIED"],
    [554, "CONN", "", "SINK_DENIED"],
    [502, "EHLO", "", "SINK_DENIED"],
    [550, "RCPT TO", "5.1.1", "SINK_REJECTED"],
    [550, "MAIL FROM", "5.7.1", "SINK_REJECTED"],
    [553, "RCPT TO", "", "SINK_REJECTED"],
    [554, "DATA", "5.7.1", "SINK_REJECTED"],
    [552, "RCPT TO", "5.2.2", "SINK_REJECTED"],
    [552, "DATA", "5.3.4", "SINK_TOO_LARGE"],
  ])("%i to %s (%s) is %s", (code, command, enhanced, expected) => {
    const error = classifySmtp("email", reply(code, command, `${enhanced} <ada@example.com> no`));
    expect(error.code).toBe(expected);
    expect(error.message).toBe(
      `[email] the server answered ${[code, enhanced].filter(Boolean).join(" ")} to ${command.split(" ")[0]}`,
    );
  });

  test("a rejection has no cause, because the reply quotes the address, but a connection error has a cause", () => {
    expect(classifySmtp("email", reply(550, "RCPT TO")).cause).toBeUndefined();
    const lost = Object.assign(new Error("lost"), { code: "ECONNECTION" });
    expect(classifySmtp("email", lost).cause).toBe(lost);
  });

  test.each([
    ["ECONNECTION", "SINK_UNAVAILABLE"],
    ["ECONNREFUSED", "SINK_UNAVAILABLE"],
    ["EDNS", "SINK_UNAVAILABLE"],
    ["ESOCKET", "SINK_UNAVAILABLE"],
    ["EPROTOCOL", "SINK_UNAVAILABLE"],
    ["ETIMEDOUT", "SINK_TIMEOUT"],
    ["EABORT", "SINK_TIMEOUT"],
    ["EAUTH", "SINK_DENIED"],
    ["ETLS", "SINK_DENIED"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "SINK_DENIED"],
    ["EENVELOPE", "SINK_REJECTED"],
    ["EMESSAGE", "SINK_TOO_LARGE"],
    ["SOMETHING", "SINK_UNAVAILABLE"],
  ])("without a reply, %s is %s", (code, expected) => {
    expect(classifySmtp("email", Object.assign(new Error("text"), { code })).code).toBe(expected);
  });

  test.each(["EENVELOPE", "EMESSAGE", "EAUTH", "EPROTOCOL"])(
    "%s with an answer that is not an SMTP reply is SINK_UNAVAILABLE",
    (code) => {
      const error = Object.assign(new Error("text"), { code, command: "RCPT TO", response: "?! 4711 of nothing" });
      expect(classifySmtp("email", error)).toMatchObject({
        code: "SINK_UNAVAILABLE",
        message: "[email] the server's answer is not an SMTP reply",
      });
    },
  );

  test("an invalid certificate is SINK_DENIED, although nodemailer reports a socket error", () => {
    const error = Object.assign(new Error("text"), { code: "ESOCKET", originalCode: "CERT_HAS_EXPIRED" });
    expect(classifySmtp("email", error)).toMatchObject({
      code: "SINK_DENIED",
      message: "[email] the mail was not taken: CERT_HAS_EXPIRED",
    });
  });

  test("a thrown value that is not an error is SINK_UNAVAILABLE", () => {
    expect(classifySmtp("email", undefined).code).toBe("SINK_UNAVAILABLE");
  });
});
