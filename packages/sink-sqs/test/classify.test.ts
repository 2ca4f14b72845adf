import { describe, expect, test } from "@jest/globals";
import { awsEntryError, awsRequestError } from "@sluice/core/sink-kit";
import { sqsService } from "../src/classify.ts";

const sdkError = (name: string, message = "the text"): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 } });

describe("an error of SQS", () => {
  test.each([
    ["QueueDoesNotExist", "SINK_MISSING"],
    ["AWS.SimpleQueueService.NonExistentQueue", "SINK_MISSING"],
    ["InvalidAddress", "SINK_MISSING"],
    ["RequestThrottled", "SINK_THROTTLED"],
    ["OverLimit", "SINK_THROTTLED"],
    ["KmsThrottled", "SINK_THROTTLED"],
    ["KmsAccessDenied", "SINK_DENIED"],
    ["KmsDisabled", "SINK_DENIED"],
    ["UnsupportedOperation", "SINK_DENIED"],
    ["AccessDenied", "SINK_DENIED"],
    ["BatchRequestTooLong", "SINK_TOO_LARGE"],
    ["AWS.SimpleQueueService.InvalidParameterValue", "SINK_REJECTED"],
  ])("%s is %s", (name, code) => {
    expect(awsRequestError("sqs", sqsService, sdkError(name)).code).toBe(code);
  });

  test("a message over the queue's size limit is SINK_TOO_LARGE", () => {
    const text = "One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes.";
    expect(awsRequestError("sqs", sqsService, sdkError("InvalidParameterValue", text)).code).toBe("SINK_TOO_LARGE");
  });
});

describe("an entry of Failed", () => {
  test.each([
    ["InvalidMessageContents", true, "SINK_REJECTED"],
    ["InternalError", false, "SINK_UNAVAILABLE"],
    ["KmsThrottled", true, "SINK_THROTTLED"],
    ["AWS.SimpleQueueService.UnknownCode", true, "SINK_REJECTED"],
    ["AWS.SimpleQueueService.UnknownCode", false, "SINK_UNAVAILABLE"],
  ])("with %s and SenderFault %s is %s", (code, isSenderFault, expected) => {
    expect(awsEntryError("sqs", sqsService, { code, isSenderFault }).code).toBe(expected);
  });
});
