import { describe, expect, test } from "@jest/globals";
import { SinkError } from "@sluice/core/sink-kit";
import { encode, type RequestDefaults } from "../src/encode.ts";
import type { WebhookMessage } from "../src/index.ts";
import { deliveryOf } from "./support/deliveries.ts";

const defaults: RequestDefaults = {
  name: "hook",
  url: new URL("https://api.example.com/v1?team=7"),
  method: "POST",
  headers: { "x-api-key": "k-1" },
  maxBodyBytes: 100,
};

const encoded = (message: WebhookMessage) => encode(deliveryOf(message), defaults);

const errorOf = (message: unknown): SinkError => {
  try {
    encoded(message as WebhookMessage);
  } catch (error) {
    if (error instanceof SinkError) return error;
    throw error;
  }
  throw new Error("no error");
};

describe("the request of a delivery", () => {
  test("carries the body as JSON, the idempotency key, the version and the headers of the options", () => {
    const delivery = deliveryOf({ body: { total: 5, tags: new Set(["b", "a"]) } });
    const { id, url, method, headers, body } = encode(delivery, defaults);
    expect({ id, method, href: url.href, body }).toEqual({
      id: "o-1:hook",
      method: "POST",
      href: "https://api.example.com/v1?team=7",
      body: '{"total":5,"tags":["a","b"]}',
    });
    expect(headers).toEqual({
      "content-type": "application/json",
      "user-agent": "sluice",
      "x-api-key": "k-1",
      "content-length": "28",
      "idempotency-key": "o-1:hook",
      "sluice-version": delivery.change.version,
    });
  });

  test("contains a string unchanged, and an empty body if the message has no body", () => {
    expect(encoded({ body: "<order/>", headers: { "Content-Type": "text/xml" } })).toMatchObject({
      body: "<order/>",
      headers: { "content-type": "text/xml" },
    });
    expect(encoded({ method: "DELETE" })).toMatchObject({ body: "", headers: { "content-length": "0" } });
  });

  test("is rejected if its body is one byte of UTF-8 over the limit, with both numbers", () => {
    expect(encoded({ body: "é".repeat(50) }).headers["content-length"]).toBe("100");
    const error = errorOf({ body: `${"é".repeat(50)}x` });
    expect(error.code).toBe("SINK_TOO_LARGE");
    expect(error.message).toBe("[hook] the body is 101 bytes; the limit is 100");
  });

  test("contains a hash of an idempotency key that is no valid header or would make the signed text ambiguous", () => {
    const keys = ["e-1:größe", "e-1:orders.v2", "e-1:a b", "x".repeat(256)];
    const ids = keys.map((idempotencyKey) => encode({ ...deliveryOf(), idempotencyKey }, defaults).id);
    for (const id of ids) expect(id).toMatch(/^sha256:[\w-]{43}$/);
    expect(new Set(ids).size).toBe(keys.length);
  });
});

describe("message.path", () => {
  test("is appended to the URL's path, and its query to the URL's query", () => {
    const hrefOf = (path: string): string => encoded({ path }).url.href;
    expect(hrefOf("/customers/42")).toBe("https://api.example.com/v1/customers/42?team=7");
    expect(hrefOf("/customers/42?notify=1&q=o'neil")).toBe(
      "https://api.example.com/v1/customers/42?team=7&notify=1&q=o%27neil",
    );
    expect(hrefOf("/@evil.example/x")).toBe("https://api.example.com/v1/@evil.example/x?team=7");
  });

  test.each([
    ["customers", "does not start with a slash"],
    ["//evil.example/x", "has an empty segment"],
    ["/a//b", "has an empty segment"],
    ["/", "ends with a slash"],
    ["/hooks/", "ends with a slash"],
    ["/hooks/?x=1", "ends with a slash"],
    ...["/..", "/.", "/../admin", "/%2e%2e/admin", "/a/%2E./b", "/..;/admin", "/..;a=1", "/%2e%2e%3bx", "/a/.."].map(
      (path) => [path, "has a segment that means another path"],
    ),
    ...["/..%2fadmin", "/a%2f..%2Fb", "/..%5cadmin", "/a%5C%2e%2e", "/..%20"].map((path) => [
      path,
      "has a segment that means another path",
    ]),
    ...["/..\\..\\admin", "/a\tb", "/.\n./x", "/a b", "/größe", "/a#b", "/a%", "/a%zz", "/a\u0000"].map((path) => [
      path,
      "has a character that is not allowed",
    ]),
    ["/a?team=8", "sets a parameter that the sink's URL sets"],
    ["/a?x=1&te%61m=8", "sets a parameter that the sink's URL sets"],
    ["/\ud83d", "has half of a surrogate pair"],
  ])("%j is rejected, because the path %s", (path, problem) => {
    const error = errorOf({ path, method: "DELETE" });
    expect(error).toMatchObject({ code: "SINK_REJECTED" });
    expect(error.message).toContain(`[hook] message.path ${problem}`);
  });

  test("may end with a slash if the sink's URL does", () => {
    const url = new URL("https://api.example.com/v1/?key=k");
    const { href } = encode(deliveryOf({ path: "/customers/42/" }), { ...defaults, url }).url;
    expect(href).toBe("https://api.example.com/v1/customers/42/?key=k");
  });
});

describe("message.headers", () => {
  test.each([
    [{ "x-note": "a\r\nx-evil: 1" }],
    [{ "x-note\r\nx-evil": "1" }],
    [{ "x note": "1" }],
    [{ "x-note": 5 }],
    [{ "x-note": ["1"] }],
    [{ Host: "evil.example" }],
    [{ "Content-Length": "0" }],
    [{ "Transfer-Encoding": "chunked" }],
    [{ "Idempotency-Key": "mine" }],
    [{ "Webhook-Signature": "mine" }],
    [{ "X-Note": "first", "x-note": "second" }],
  ])("%j are rejected by an error without their values", (headers) => {
    const error = errorOf({ body: 1, headers });
    expect(error.code).toBe("SINK_REJECTED");
    for (const value of Object.values(headers)) expect(error.message).not.toContain(String(value));
  });

  test("that are null or undefined are not sent", () => {
    const request = encoded({ headers: { "X-Api-Key": null, "x-note": undefined }, path: null, method: null });
    expect(request).toEqual(encoded({}));
    expect(encoded({ headers: null, body: null })).toEqual(encoded({}));
  });

  test("override the headers of the options", () => {
    expect(encoded({ headers: { "X-Api-Key": "k-2" } }).headers["x-api-key"]).toBe("k-2");
  });
});

test.each([
  [{ pth: "/customers/42" }, 'the message has no member "pth"; expected only body, path, method, headers'],
  [{ body: "a\ud83d" }, "body has half of a surrogate pair"],
  [{ body: { a: new Map([[1, 2]]) } }, "body cannot be written as JSON: at a found a Map with a key"],
  [{ path: 5 }, "message.path is a number; expected a text"],
  [{ path: "" }, "message.path is empty; expected a text"],
  [{ method: ["POST"] }, "message.method is an array; expected POST, PUT, PATCH or DELETE"],
  [{ method: "secret" }, "message.method is another text; expected POST, PUT, PATCH or DELETE"],
  [{ headers: "secret" }, "message.headers is a text; expected an object with named members"],
  [{ headers: new Map([["x-note", "secret"]]) }, "message.headers is a Map; expected an object with named members"],
])("the message %j is rejected, and the error names the member", (message, text) => {
  expect(errorOf(message).message).toContain(`[hook] ${text}`);
});

test.each([[null], ["text"], [{ method: "GET" }]])("the message %j is rejected", (message) => {
  expect(errorOf(message)).toMatchObject({ code: "SINK_REJECTED" });
});
