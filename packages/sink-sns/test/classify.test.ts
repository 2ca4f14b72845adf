import { describe, expect, test } from "@jest/globals";
import { awsEntryError, awsRequestError } from "@sluice/core/sink-kit";
import { snsService } from "../src/classify.ts";

const sdkError = (name: string, message = "the text"): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } });

describe("an error of SNS", () => {
  test.each([
    ["NotFoundException", "SINK_MISSING"],
    ["NotFound", "SINK_MISSING"],
    ["ThrottledException", "SINK_THROTTLED"],
    ["Throttling", "SINK_THROTTLED"],
    ["KMSThrottlingException", "SINK_THROTTLED"],
    ["AuthorizationErrorException", "SINK_DENIED"],
    ["KMSAccessDeniedException", "SINK_DENIED"],
    ["KMSDisabledException", "SINK_DENIED"],
    ["KMSOptInRequired", "SINK_DENIED"],
    ["InternalErrorException", "SINK_UNAVAILABLE"],
    ["InvalidParameterException", "SINK_REJECTED"],
    ["ValidationException", "SINK_REJECTED"],
    ["BatchRequestTooLongException", "SINK_TOO_LARGE"],
  ])("%s is %s", (name, code) => {
    expect(awsRequestError("sns", snsService, sdkError(name)).code).toBe(code);
  });

  test("a message over the topic's size limit is SINK_TOO_LARGE", () => {
    const text = "Invalid parameter: Message too long";
    expect(awsRequestError("sns", snsService, sdkError("InvalidParameter", text)).code).toBe("SINK_TOO_LARGE");
  });
});

describe("an entry of Failed", () => {
  test.each([
    ["InvalidParameter", true, "SINK_REJECTED"],
    ["InternalError", false, "SINK_UNAVAILABLE"],
    ["Throttled", true, "SINK_THROTTLED"],
    ["UnknownCode", true, "SINK_REJECTED"],
    ["UnknownCode", false, "SINK_UNAVAILABLE"],
  ])("with %s and SenderFault %s is %s", (code, isSenderFault, expected) => {
    expect(awsEntryError("sns", snsService, { code, isSenderFault }).code).toBe(expected);
  });
});
