import { describe, expect, test } from "@jest/globals";
import { awsEntryError, awsRequestError } from "@sluice/core/sink-kit";
import { eventbridgeService } from "../src/classify.ts";

const sdkError = (name: string, message = "the text"): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } });

describe("an error of EventBridge", () => {
  test.each([
    ["ResourceNotFoundException", "SINK_MISSING"],
    ["ThrottlingException", "SINK_THROTTLED"],
    ["LimitExceededException", "SINK_THROTTLED"],
    ["AccessDeniedException", "SINK_DENIED"],
    ["InternalException", "SINK_UNAVAILABLE"],
    ["ValidationException", "SINK_REJECTED"],
  ])("%s is %s", (name, code) => {
    expect(awsRequestError("eventbridge", eventbridgeService, sdkError(name)).code).toBe(code);
  });

  test("a request over the limit is too large", () => {
    const error = sdkError("ValidationException", "Total size of the entries in the request is over the limit.");
    expect(awsRequestError("eventbridge", eventbridgeService, error).code).toBe("SINK_TOO_LARGE");
  });
});

describe("an entry that failed", () => {
  test.each([
    ["InternalFailure", "SINK_UNAVAILABLE"],
    ["InternalException", "SINK_UNAVAILABLE"],
    ["ThrottlingException", "SINK_THROTTLED"],
    ["AccessDeniedException", "SINK_DENIED"],
    ["NotAuthorizedForSourceException", "SINK_DENIED"],
    ["NotAuthorizedForDetailTypeException", "SINK_DENIED"],
    ["InvalidAccountIdException", "SINK_MISSING"],
    ["InvalidArgument", "SINK_REJECTED"],
    ["MalformedDetail", "SINK_REJECTED"],
    ["RedactionFailure", "SINK_REJECTED"],
    ["UnknownCode", "SINK_UNAVAILABLE"],
  ])("with %s is %s", (code, expected) => {
    expect(awsEntryError("eventbridge", eventbridgeService, { code }).code).toBe(expected);
  });
});
