import { describe, expect, test } from "@jest/globals";
import { type AwsService, awsEntryError, awsRequestError, SinkError } from "../src/sink-kit.ts";

const service: AwsService = {
  name: "SQS",
  codes: { QueueDoesNotExist: "SINK_MISSING", InvalidMessageContents: "SINK_REJECTED", Throttling: "SINK_CONFLICT" },
  tooLarge: /must be shorter/,
};

const sdkError = (name: string, status: number | undefined, message = "the text"): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });

const requestError = (error: unknown): SinkError => awsRequestError("orders", service, error);

describe("a request that failed", () => {
  test.each([
    ["QueueDoesNotExist", 400, "SINK_MISSING"],
    ["com.amazonaws.sqs#QueueDoesNotExist", 400, "SINK_MISSING"],
    ["AWS.SimpleQueueService.InvalidMessageContents", 400, "SINK_REJECTED"],
    ["ThrottledException", 429, "SINK_THROTTLED"],
    ["Throttling", 400, "SINK_CONFLICT"],
    ["AccessDeniedException", 400, "SINK_DENIED"],
    ["CredentialsProviderError", undefined, "SINK_DENIED"],
    ["TimeoutError", undefined, "SINK_TIMEOUT"],
    ["UnknownCode", 400, "SINK_REJECTED"],
    ["UnknownCode", 403, "SINK_DENIED"],
    ["UnknownCode", 413, "SINK_TOO_LARGE"],
    ["UnknownCode", 429, "SINK_THROTTLED"],
    ["UnknownCode", 500, "SINK_UNAVAILABLE"],
    ["UnknownCode", undefined, "SINK_UNAVAILABLE"],
    ["Exception", 500, "SINK_UNAVAILABLE"],
  ] as const)("with the name %s and the status %s is %s", (name, status, code) => {
    expect(requestError(sdkError(name, status)).code).toBe(code);
  });

  test("is SINK_TOO_LARGE if its text says that it is too large, whatever its name", () => {
    expect(requestError(sdkError("InvalidParameterValue", 400, "Message must be shorter than 9")).code).toBe(
      "SINK_TOO_LARGE",
    );
  });

  test("has the SDK's error as its cause, and the SDK's text in its message, if they contain no values", () => {
    const cause = sdkError("AccessDenied", 403, "arn:aws:iam::1:role/x may not sqs:SendMessage");
    const error = requestError(cause);
    expect(error.cause).toBe(cause);
    expect(error.message).toBe("[orders] SQS answered AccessDenied: arn:aws:iam::1:role/x may not sqs:SendMessage");
  });

  test.each(["InvalidMessageContents", "InvalidSignature"])(
    "omits the text of %s from its message and its cause",
    (name) => {
      const error = requestError(sdkError(name, 400, "secret"));
      expect(`${error.message} ${String(error.cause)} ${JSON.stringify(error.cause)}`).not.toContain("secret");
    },
  );

  test.each([200, 503])("omits the text of an error for an unreadable answer with the status %s", (status) => {
    const error = requestError(sdkError("SyntaxError", status, `Unexpected token 's', "secret" is not valid JSON`));
    expect(error.code).toBe("SINK_UNAVAILABLE");
    expect(`${error.message} ${String(error.cause)}`).not.toContain("secret");
  });

  test("has the code in its message if the SDK's error has no text, like Node's AggregateError", () => {
    const error = requestError(Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }));
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("is returned unchanged if it is a SinkError; any other value becomes one", () => {
    const error = new SinkError("SINK_TIMEOUT", "late");
    expect(requestError(error)).toBe(error);
    expect(requestError("text").code).toBe("SINK_UNAVAILABLE");
    expect(requestError(undefined).code).toBe("SINK_UNAVAILABLE");
  });
});

describe("an entry that failed", () => {
  test.each([
    [{ code: "InvalidMessageContents", isSenderFault: false }, "SINK_REJECTED"],
    [{ code: "AccessDenied", isSenderFault: true }, "SINK_DENIED"],
    [{ code: "UnknownCode", isSenderFault: true }, "SINK_REJECTED"],
    [{ code: "UnknownCode", isSenderFault: false }, "SINK_UNAVAILABLE"],
    [{ code: "UnknownCode" }, "SINK_UNAVAILABLE"],
    [{ code: undefined }, "SINK_UNAVAILABLE"],
    [{ code: "InvalidParameter", message: "it must be shorter" }, "SINK_TOO_LARGE"],
  ] as const)("as %j is %s", (failure, code) => {
    expect(awsEntryError("orders", service, failure).code).toBe(code);
  });

  test("has no text that may quote a value", () => {
    const error = awsEntryError("orders", service, { code: "UnknownCode", message: "secret", isSenderFault: true });
    expect(error.message).toBe("[orders] SQS answered UnknownCode; its text is withheld because it may quote values");
  });
});
