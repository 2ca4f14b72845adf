import { describe, expect, test } from "@jest/globals";
import { SinkError } from "@sluice/core/sink-kit";
import { classify, classifyForTable, isConditionFailed } from "../src/classify.ts";

const codeOf = (error: unknown): string => classify("orders", error).code;

const thrown = (name: string, message = "", status: number | null = 400): Error =>
  Object.assign(new Error(message), { name, $metadata: status === null ? {} : { httpStatusCode: status } });

describe("the code of an error", () => {
  test.each([
    ["ProvisionedThroughputExceededException", "SINK_THROTTLED"],
    ["ThrottlingException", "SINK_THROTTLED"],
    ["RequestLimitExceeded", "SINK_THROTTLED"],
    ["TransactionConflictException", "SINK_CONFLICT"],
    ["ReplicatedWriteConflictException", "SINK_CONFLICT"],
    ["ItemCollectionSizeLimitExceededException", "SINK_REJECTED"],
    ["ValidationException", "SINK_REJECTED"],
    ["ResourceNotFoundException", "SINK_MISSING"],
    ["AccessDeniedException", "SINK_DENIED"],
    ["UnrecognizedClientException", "SINK_DENIED"],
    ["ExpiredTokenException", "SINK_DENIED"],
    ["CredentialsProviderError", "SINK_DENIED"],
    ["InternalServerError", "SINK_UNAVAILABLE"],
    ["ResourceInUseException", "SINK_UNAVAILABLE"],
    ["TransactionInProgressException", "SINK_CONFLICT"],
    ["KMSAccessDeniedException", "SINK_DENIED"],
    ["KMSDisabledException", "SINK_DENIED"],
    ["KMSInvalidStateException", "SINK_DENIED"],
    ["TableNotActiveException", "SINK_UNAVAILABLE"],
    ["SerializationException", "SINK_REJECTED"],
    ["AbortError", "SINK_TIMEOUT"],
    ["TimeoutError", "SINK_TIMEOUT"],
  ])("of %s is %s", (name, code) => {
    expect(codeOf(thrown(name))).toBe(code);
  });

  test.each([
    [
      "One or more parameter values were invalid: Type mismatch for Index Key gsi pk Expected: S Actual: N IndexName: by-owner",
      "the message at gsi pk: found a value that the index by-owner refuses as its key; expected the type S",
    ],
    [
      "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-owner, IndexKey: owner",
      "the message at owner: found a value that the index by-owner refuses as its key; expected a value that is not empty",
    ],
  ])("of an index key names index and attribute", (text, expected) => {
    const error = classify("orders", thrown("ValidationException", text));
    expect(error.code).toBe("SINK_REJECTED");
    expect(error.message).toContain(`[orders] ${expected}`);
  });

  test("of an item over the limit is SINK_TOO_LARGE, and the message names the limit", () => {
    const error = classify("orders", thrown("ValidationException", "Item size has exceeded the maximum allowed size"));
    expect([error.code, error.message]).toEqual(["SINK_TOO_LARGE", expect.stringContaining("400 KB")]);
  });

  test.each([
    [429, "SINK_THROTTLED"],
    [403, "SINK_DENIED"],
    [413, "SINK_TOO_LARGE"],
    [418, "SINK_UNAVAILABLE"],
    [500, "SINK_UNAVAILABLE"],
    [null, "SINK_UNAVAILABLE"],
  ])("of an unknown name depends on the status %s: %s", (status, code) => {
    expect(codeOf(thrown("SomethingNew", "", status))).toBe(code);
  });

  test("of a thrown value that is not an error is SINK_UNAVAILABLE", () => {
    expect([codeOf("text"), codeOf(undefined), codeOf(null)]).toEqual(Array(3).fill("SINK_UNAVAILABLE"));
  });
});

describe("a validation error", () => {
  test.each([
    ["The provided key element does not match the schema"],
    ["One or more parameter values were invalid: Missing the key sk in the item"],
    ["One or more parameter values were invalid: Type mismatch for key pk expected: N actual: S"],
  ])("about the key schema concerns the table: %s", (text) => {
    expect(classify("orders", thrown("ValidationException", text))).toMatchObject({
      code: "SINK_MISSING",
      message: expect.stringContaining("another key schema"),
    });
  });

  test.each([
    ["One or more parameter values were invalid: Type mismatch for Index Key gsi expected: S actual: N IndexName: gsi"],
    [
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string",
    ],
    ["A value cannot be converted: The provided key element does not match the schema"],
    ["Number overflow. Attempting to store a number with magnitude larger than supported range"],
  ])("about the item concerns the item: %s", (text) => {
    expect(codeOf(thrown("ValidationException", text))).toBe("SINK_REJECTED");
  });

  test("never rejects deliveries when the request concerned the table", () => {
    const error = classifyForTable("orders", thrown("ValidationException", "Invalid table name"));
    expect(error.code).toBe("SINK_MISSING");
    expect(classifyForTable("orders", thrown("ThrottlingException")).code).toBe("SINK_THROTTLED");
  });
});

describe("the error for a delivery", () => {
  test.each([["ValidationException"], ["InvalidSignatureException"], ["SomethingNew"]])(
    "omits the text of %s, also from its cause",
    (name) => {
      const error = classify("orders", thrown(name, "the value secret-7 is wrong"));
      expect(`${error.message} ${(error.cause as Error).message} ${(error.cause as Error).stack}`).not.toContain(
        "secret-7",
      );
      expect(error.message).toContain(`[orders] DynamoDB answered ${name.replace("Exception", "")}`);
    },
  );

  test.each([["ThrottlingException"], ["AccessDeniedException"], ["ResourceNotFoundException"]])(
    "passes on the text of %s, and keeps it as the cause",
    (name) => {
      const original = thrown(name, "names what to repair");
      const error = classify("orders", original);
      expect(error.message).toContain("names what to repair");
      expect(error.cause).toBe(original);
    },
  );

  test("has the code of a refused connection", () => {
    const refused = Object.assign(new AggregateError([], ""), { code: "ECONNREFUSED" });
    expect(classify("orders", refused).message).toContain("ECONNREFUSED");
  });

  test("is the same error if the sink threw it", () => {
    const own = new SinkError("SINK_TIMEOUT", "over");
    expect(classify("orders", own)).toBe(own);
  });
});

test("a failed condition is recognised", () => {
  expect(isConditionFailed(thrown("ConditionalCheckFailedException"))).toBe(true);
  expect(isConditionFailed(thrown("ValidationException"))).toBe(false);
});
