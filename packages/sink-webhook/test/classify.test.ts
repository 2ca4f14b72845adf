import { describe, expect, test } from "@jest/globals";
import { outcomeOf } from "@sluice/core/sink-kit";
import { classifyAnswer, classifyFailure, isUnreachable, retryAfterMsOf } from "../src/classify.ts";
import { AddressRefusedError } from "../src/request/address-rule.ts";

const codeOf = (status: number, own = {}): string | undefined =>
  classifyAnswer("hook", { status, retryAfterMs: undefined }, own)?.code;

describe("a status", () => {
  test.each([200, 201, 202, 204, 299])("%i is success", (status) => {
    expect(codeOf(status)).toBeUndefined();
  });

  test.each([
    [301, "SINK_MISSING"],
    [302, "SINK_MISSING"],
    [308, "SINK_MISSING"],
    [400, "SINK_REJECTED"],
    [401, "SINK_DENIED"],
    [403, "SINK_DENIED"],
    [404, "SINK_REJECTED"],
    [408, "SINK_TIMEOUT"],
    [409, "SINK_REJECTED"],
    [410, "SINK_GONE"],
    [413, "SINK_TOO_LARGE"],
    [422, "SINK_REJECTED"],
    [425, "SINK_UNAVAILABLE"],
    [429, "SINK_THROTTLED"],
    [499, "SINK_REJECTED"],
    [500, "SINK_UNAVAILABLE"],
    [501, "SINK_UNAVAILABLE"],
    [503, "SINK_UNAVAILABLE"],
    [599, "SINK_UNAVAILABLE"],
    [999, "SINK_UNAVAILABLE"],
  ])("%i is %s", (status, code) => {
    expect(codeOf(status)).toBe(code);
  });

  test("is retried for 408, 425, 429 and 5xx, and for another 4xx only if a corrected setting can help", () => {
    const all = Array.from({ length: 200 }, (_, index) => 400 + index);
    const retried = all.filter((status) => outcomeOf(codeOf(status) as "SINK_REJECTED") === "retry");
    expect(retried.filter((status) => status < 500)).toEqual([401, 403, 407, 408, 425, 429]);
    expect(retried.filter((status) => status >= 500)).toHaveLength(100);
  });

  test("has the code that the options give", () => {
    expect(codeOf(409, { 409: "SINK_CONFLICT" })).toBe("SINK_CONFLICT");
  });

  test("has the delay of Retry-After", () => {
    const error = classifyAnswer("hook", { status: 429, retryAfterMs: 700 });
    expect(error).toMatchObject({ retryAfterMs: 700 });
    expect(error?.message).toBe("[hook] the endpoint answered 429 and Retry-After of 700 ms; expected 2xx");
  });

  test("of a proxy shows that the endpoint is unreachable, but a status of the endpoint does not", () => {
    expect([500, 501, 502, 503, 504, 522, 429, 404].filter(isUnreachable)).toEqual([502, 503, 504, 522]);
  });
});

describe("a request without an answer", () => {
  const failing = (code: string): Error => Object.assign(new Error(`text of ${code}`), { code });

  test.each([
    ["ECONNREFUSED", "SINK_UNAVAILABLE"],
    ["ECONNRESET", "SINK_UNAVAILABLE"],
    ["ENOTFOUND", "SINK_UNAVAILABLE"],
    ["EAI_AGAIN", "SINK_UNAVAILABLE"],
    ["HPE_INVALID_CONSTANT", "SINK_UNAVAILABLE"],
    ["ETIMEDOUT", "SINK_TIMEOUT"],
    ["CERT_HAS_EXPIRED", "SINK_DENIED"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "SINK_DENIED"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "SINK_DENIED"],
  ])("with the error %s is %s, and has the name and the cause", (name, code) => {
    const cause = failing(name);
    const error = classifyFailure("hook", cause);
    expect(error).toMatchObject({ code, cause, message: `[hook] no answer: ${name}` });
  });

  test("because of a refused address names the option that allows it", () => {
    const error = classifyFailure("hook", new AddressRefusedError("the name resolves to a private address"));
    expect(error.code).toBe("SINK_DENIED");
    expect(error.message).toContain("allowAddresses");
  });

  test("with a thrown value that is not an error is SINK_UNAVAILABLE", () => {
    expect(classifyFailure("hook", "a string").code).toBe("SINK_UNAVAILABLE");
  });
});

describe("Retry-After", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");

  test.each([
    ["0", 0],
    ["120", 120_000],
    [" 7 ", 7_000],
    ["Fri, 02 Jan 2026 03:04:15 GMT", 10_000],
    ["Friday, 02-Jan-26 03:04:15 GMT", 10_000],
    ["Fri Jan  2 03:04:15 2026", 10_000],
    ["Fri, 02 Jan 2026 03:00:00 GMT", 0],
  ])("%j is %i ms", (header, ms) => {
    expect(retryAfterMsOf(header, now)).toBe(ms);
  });

  test.each(["99999999999999999999", "Fri, 02 Jan 2099 03:04:15 GMT"])("%j is limited to an hour", (header) => {
    expect(retryAfterMsOf(header, now)).toBe(3_600_000);
  });

  test.each([undefined, "", "soon", "-5", "1.5", "1e3", "Infinity", "Fri, 99 Foo 2026 03:04:15 GMT", "2026-01-02"])(
    "%j is ignored",
    (header) => {
      expect(retryAfterMsOf(header, now)).toBeUndefined();
    },
  );
});
