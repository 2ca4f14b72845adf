import { describe, expect, test } from "@jest/globals";
import { outcomeOf, type SinkErrorCode } from "@sluice/core/sink-kit";
import { codeOf, itemError, requestFailure, type ServerError, unclearItem } from "../src/classify.ts";

/** Errors that servers of the releases 2.19.1 and 3.8.0 returned. */
const items: readonly (readonly [name: string, status: number, error: ServerError, code: SinkErrorCode])[] = [
  ["a conflict", 409, { type: "version_conflict_engine_exception" }, "SINK_CONFLICT"],
  ["a full queue", 429, { type: "rejected_execution_exception" }, "SINK_THROTTLED"],
  ["a disk at its flood stage", 429, { type: "cluster_block_exception" }, "SINK_THROTTLED"],
  ["a read-only index", 403, { type: "cluster_block_exception" }, "SINK_UNAVAILABLE"],
  ["a missing permission", 403, { type: "security_exception" }, "SINK_DENIED"],
  ["a missing alias", 404, { type: "index_not_found_exception" }, "SINK_MISSING"],
  ["a closed index", 400, { type: "index_closed_exception" }, "SINK_UNAVAILABLE"],
  ["an unavailable shard", 503, { type: "unavailable_shards_exception" }, "SINK_UNAVAILABLE"],
  ["a server error", 500, { type: "null_pointer_exception" }, "SINK_UNAVAILABLE"],
  ["too little memory", 429, { type: "circuit_breaking_exception" }, "SINK_THROTTLED"],
  ["a value that does not fit its field", 400, { type: "mapper_parsing_exception" }, "SINK_REJECTED"],
  [
    "too many fields",
    400,
    { type: "illegal_argument_exception", reason: "Limit of total fields [1000] has been exceeded" },
    "SINK_REJECTED",
  ],
  [
    "an alias without a write index",
    400,
    { type: "illegal_argument_exception", reason: "no write index is defined for alias [two]." },
    "SINK_MISSING",
  ],
  [
    "a strict mapping without the sink's field",
    400,
    {
      type: "strict_dynamic_mapping_exception",
      reason: "mapping set to strict, dynamic introduction of [_sluice] within [_doc] is not allowed",
    },
    "SINK_MISSING",
  ],
  [
    "a strict mapping without a field of the document",
    400,
    {
      type: "strict_dynamic_mapping_exception",
      reason: "mapping set to strict, dynamic introduction of [x] within [_doc] is not allowed",
    },
    "SINK_REJECTED",
  ],
  [
    "the limit of script compilations",
    400,
    {
      type: "illegal_argument_exception",
      reason: "failed to execute script",
      caused_by: { type: "circuit_breaking_exception" },
    },
    "SINK_THROTTLED",
  ],
  [
    "scripts that are switched off",
    400,
    { type: "illegal_argument_exception", reason: "cannot execute [inline] scripts" },
    "SINK_DENIED",
  ],
  [
    "a collection that refuses ids",
    400,
    { type: "illegal_argument_exception", reason: "Document ID is not supported in create/index operation request" },
    "SINK_MISSING",
  ],
];

describe("the error of an item", () => {
  test.each(items)("for %s (%d) has its code", (_name, status, error, code) => {
    expect(codeOf(status, error)).toBe(code);
  });

  test("names the field and no value", () => {
    const reason =
      "failed to parse field [amount] of type [long] in document with id 'k-1'. Preview of field's value: 'secret'";
    const { message } = itemError("search", { status: 400, error: { type: "mapper_parsing_exception", reason } });
    expect(message).toContain('[search] OpenSearch answered 400 mapper_parsing_exception, field "amount"');
    expect(message).not.toMatch(/secret|k-1/);
  });
});

describe("the failure of one document", () => {
  test.each([
    ["a pipeline that fails", 500, { type: "fail_processor_exception" }, "SINK_UNAVAILABLE"],
    ["a script of a pipeline", 400, { type: "script_exception" }, "SINK_MISSING"],
    ["a missing pipeline", 400, { type: "illegal_argument_exception", reason: "pipeline with id" }, "SINK_MISSING"],
    ["missing routing", 400, { type: "routing_missing_exception" }, "SINK_MISSING"],
    ["a strict mapping", 400, { type: "strict_dynamic_mapping_exception" }, "SINK_MISSING"],
    ["an unknown type", 400, {}, "SINK_MISSING"],
  ])(
    "by %s is unclear: either the document is rejected, or every document is retried",
    (_name, status, error, code) => {
      const unclear = unclearItem("search", { status, error });
      expect([unclear?.asDocument.code, unclear?.asTarget.code]).toEqual(["SINK_REJECTED", code]);
    },
  );

  test.each([
    ["a value that does not fit", 400, { type: "mapper_parsing_exception" }],
    ["too many fields", 400, { type: "illegal_argument_exception", reason: "Limit of total fields [9] has been" }],
    [
      "a long term",
      400,
      { type: "illegal_argument_exception", caused_by: { type: "max_bytes_length_exceeded_exception" } },
    ],
    ["a failed shard", 500, { type: "some_exception", shard: "0" }],
    ["a lost node", 500, { type: "node_disconnected_exception" }],
    ["a full queue", 429, { type: "rejected_execution_exception" }],
    ["an unavailable shard", 503, { type: "unavailable_shards_exception" }],
    ["a mapping without the guard", 400, items.find(([name]) => name.includes("sink's field"))?.[2] ?? {}],
  ])("by %s is clear", (_name, status, error) => {
    expect(unclearItem("search", { status, error })).toBeUndefined();
  });
});

const responseError = (statusCode: number, body: unknown): Error =>
  Object.assign(new Error("Response Error"), { name: "ResponseError", statusCode, body });
const clientError = (name: string, message: string): Error => Object.assign(new Error(message), { name });
const answer = (type: string, reason = "") => ({ error: { type, reason } });

describe("a request that failed as a whole", () => {
  test.each([
    ["429", responseError(429, answer("rejected_execution_exception")), "SINK_THROTTLED", false],
    ["503 of a load balancer", responseError(503, "<html>"), "SINK_UNAVAILABLE", false],
    ["401", responseError(401, "Unauthorized"), "SINK_DENIED", false],
    ["403", responseError(403, answer("security_exception")), "SINK_DENIED", false],
    ["403 for a block", responseError(403, answer("cluster_block_exception")), "SINK_UNAVAILABLE", false],
    ["404", responseError(404, answer("index_not_found_exception")), "SINK_MISSING", false],
    ["413", responseError(413, ""), "SINK_TOO_LARGE", true],
    ["a line that is not JSON", responseError(400, answer("x_content_parse_exception")), "SINK_REJECTED", true],
    [
      "an id that is too long",
      responseError(400, answer("action_request_validation_exception")),
      "SINK_REJECTED",
      true,
    ],
    ["an unknown parameter", responseError(400, answer("illegal_argument_exception")), "SINK_MISSING", true],
    ["another 400", responseError(400, "Bad Request"), "SINK_MISSING", true],
    ["500 with an unknown type", responseError(500, answer("illegal_state_exception")), "SINK_UNAVAILABLE", true],
    ["500 of a part of the cluster", responseError(500, answer("node_closed_exception")), "SINK_UNAVAILABLE", false],
    ["500 of a proxy", responseError(500, "<html>"), "SINK_UNAVAILABLE", false],
    ["no connection", clientError("ConnectionError", "connect ECONNREFUSED 127.0.0.1:9"), "SINK_UNAVAILABLE", false],
    ["a certificate", clientError("ConnectionError", "self-signed certificate"), "SINK_DENIED", false],
    ["no answer in time", clientError("TimeoutError", "Request timed out"), "SINK_TIMEOUT", false],
    [
      "an answer that is not JSON",
      clientError("DeserializationError", "Unexpected token s in secret"),
      "SINK_UNAVAILABLE",
      false,
    ],
    ["no credentials", clientError("CredentialsProviderError", "no providers"), "SINK_DENIED", false],
    ["a thrown string", "down", "SINK_UNAVAILABLE", false],
  ])("by %s has its code", (_name, error, code, mayBeOneEntry) => {
    const failure = requestFailure("search", error);
    expect({ code: failure.error.code, mayBeOneEntry: failure.mayBeOneEntry }).toEqual({ code, mayBeOneEntry });
    expect(failure.error.cause).toBeInstanceOf(Error);
    expect(failure.error.message).not.toContain("secret");
  });

  test("keeps the text of the client's error, but not the request with its documents", () => {
    const error = Object.assign(clientError("ConnectionError", "socket hang up"), { meta: { body: "secret" } });
    const { cause } = requestFailure("search", error).error;
    expect(cause).toMatchObject({ name: "ConnectionError", message: "socket hang up" });
    expect(cause).not.toHaveProperty("meta");
  });

  test.each([
    ["7", 7_000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", undefined],
    [undefined, undefined],
  ])("has the delay that the server asks for: %s", (retryAfter, retryAfterMs) => {
    const error = Object.assign(responseError(429, ""), { headers: { "retry-after": retryAfter } });
    expect(requestFailure("search", error).error.retryAfterMs).toBe(retryAfterMs);
  });

  test("rejects deliveries only if one of them may be the cause", () => {
    for (const status of [400, 401, 403, 404, 405, 408, 409, 418, 429, 500, 502, 503, 504]) {
      expect(outcomeOf(requestFailure("search", responseError(status, {})).error.code)).toBe("retry");
    }
  });
});
