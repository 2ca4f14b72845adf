import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "@sluice/core/sink-kit";
import { type WebhookSinkOptions, webhookSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";

const good: WebhookSinkOptions = { url: "https://api.example.com/hook", secrets: [] };

const messageOf = (options: object): string => {
  try {
    webhookSink({ ...good, ...options });
  } catch (error) {
    if (error instanceof ConfigError && error.code === "CONFIG_INVALID") return error.message;
    throw error;
  }
  return "accepted";
};

describe("an invalid option is named in the error", () => {
  const secretOf = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 1).toString("base64")}`;

  test.each<[string, object]>([
    ["url", { url: "no url" }],
    ["url", { url: 5 }],
    ["url", { url: "file:///etc/passwd" }],
    ["url", { url: "https://user:password@example.com" }],
    ["url", { url: "http://api.example.com/hook" }],
    ["url", { url: "https://127.0.0.1/hook" }],
    ["url", { url: "https://0x7f.1/hook" }],
    ["url", { url: "https://2130706433/hook" }],
    ["url", { url: "https://[::1]/hook" }],
    ["url", { url: "https://[::ffff:10.0.0.1]/hook" }],
    ["url", { url: "https://169.254.169.254/latest/meta-data" }],
    ["secrets", { secrets: undefined }],
    ["secrets", { secrets: "whsec_x" }],
    ["secrets", { secrets: [secretOf(23)] }],
    ["secrets", { secrets: [secretOf(65)] }],
    ["secrets", { secrets: [secretOf(32).replace("whsec_", "")] }],
    ["method", { method: "GET" }],
    ["headers", { headers: { "x-key": "a\nb" } }],
    ["headers", { headers: { host: "example.org" } }],
    ["timeoutMs", { timeoutMs: 0 }],
    ["timeoutMs", { timeoutMs: Number.NaN }],
    ["concurrency", { concurrency: 0 }],
    ["maxPerSecond", { maxPerSecond: 0 }],
    ["maxBodyBytes", { maxBodyBytes: -1 }],
    ["circuitBreaker.failures", { circuitBreaker: { failures: 0 } }],
    ["circuitBreaker.openMs", { circuitBreaker: { openMs: 0 } }],
    ["circuitBreaker.maxOpenMs", { circuitBreaker: { openMs: 5, maxOpenMs: 4 } }],
    ["allowAddresses", { allowAddresses: ["localhost"] }],
    ["allowAddresses", { allowAddresses: ["10.0.0.0/x"] }],
    ["allowAddresses", { allowAddresses: ["10.0.0.0/33"] }],
    ["tls", { tls: { rejectUnauthorized: false } }],
    ["codes", { codes: { 200: "SINK_REJECTED" } }],
    ["codes", { codes: { 409: "SINK_FINE" } }],
    ["name", { name: "" }],
  ])("%s %j", (option, options) => {
    expect(messageOf(options)).toContain(`option "${option}"`);
  });

  test.each<[string, object]>([
    ['webhookSink has no option "timeout"; expected only allowAddresses', { timeout: 5 }],
    ['circuitBreaker }) has no option "failure"', { circuitBreaker: { failure: 5 } }],
    ['tls }) has no option "servername"', { tls: { servername: "a" } }],
  ])("%s", (text, options) => {
    expect(messageOf(options)).toContain(text);
  });

  test("without its value if the value is a secret", () => {
    expect(messageOf({ secrets: ["whsec_hunter2"] })).not.toContain("hunter2");
    expect(messageOf({ url: "https://user:hunter2@example.com" })).not.toContain("hunter2");
    expect(messageOf({ headers: { authorization: "hunter2\n" } })).not.toContain("hunter2");
  });
});

describe("an address in allowAddresses", () => {
  test.each<[string, readonly string[]]>([
    ["http://127.0.0.1:8080/hook", ["127.0.0.1"]],
    ["http://10.1.2.3/hook", ["10.0.0.0/8"]],
    ["https://[fd00::5]/hook", ["fd00::/16"]],
    ["http://internal.example.com/hook", ["10.0.0.0/8"]],
  ])("lets the URL %s pass with %j", (url, allowAddresses) => {
    expect(messageOf({ url, allowAddresses })).toBe("accepted");
  });
});

test("the defaults are as the README says", () => {
  const { timeoutMs, concurrency, maxPerSecond, maxBodyBytes, circuit, name, method } = checkOptions(good);
  expect({ timeoutMs, concurrency, maxPerSecond, maxBodyBytes, circuit, name, method }).toEqual({
    timeoutMs: 5_000,
    concurrency: 8,
    maxPerSecond: Number.POSITIVE_INFINITY,
    maxBodyBytes: 1_048_576,
    circuit: { failures: 5, openMs: 2_000, maxOpenMs: 10_000, minProbeMs: 5_000 },
    name: "webhook",
    method: "POST",
  });
  expect(webhookSink(good).supports).toEqual({ writes: "append", maxEntries: 1, concurrency: 8 });
});

test("a clock may be an instance of a class", () => {
  class TestClock {
    readonly time = 5;
    now(): number {
      return this.time;
    }
    async sleep(): Promise<void> {}
  }
  expect(checkOptions({ ...good, clock: new TestClock() }).clock.now()).toBe(5);
});
