import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "@sluice/core/sink-kit";
import {
  type EmailSinkOptions,
  emailSink,
  type SesTransportOptions,
  type SmtpTransportOptions,
  sesTransport,
  smtpTransport,
} from "../src/index.ts";

const messageOf = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (error instanceof ConfigError && error.code === "CONFIG_INVALID") return error.message;
    throw error;
  }
  return "accepted";
};

const leases = { acquire: async () => "acquired", complete: async () => {}, release: async () => {} };

describe("an invalid option is named in the error", () => {
  test.each<[string, object]>([
    ["transport", { transport: undefined }],
    ["transport", { transport: {} }],
    ["from", { from: "Shop <shop@example.com>" }],
    ["from", { from: { address: "shop@example.com", name: "a\r\nb" } }],
    ["maxPerSecond", { maxPerSecond: 0 }],
    ["maxBytes", { maxBytes: 0 }],
    ["dedupeStore", { dedupeStore: {} }],
    ["dedupeStore", { dedupeStore: { leases: { ...leases, release: undefined } } }],
    ["name", { name: "" }],
  ])("of emailSink: %s %j", (option, options) => {
    const make = () => emailSink({ transport: sesTransport(), ...options } as EmailSinkOptions);
    expect(messageOf(make)).toContain(`option "${option}"`);
  });

  test.each<[string, object]>([
    ["client", { client: {} }],
    ["configurationSetName", { configurationSetName: "" }],
    ["tags", { tags: { stage: "é" } }],
    ["concurrency", { concurrency: 0 }],
  ])("of sesTransport: %s %j", (option, options) => {
    expect(messageOf(() => sesTransport(options as SesTransportOptions))).toContain(`option "${option}"`);
  });

  test.each<[string, object]>([
    ["host", {}],
    ["host", { host: "" }],
    ["host", { host: "a", transporter: { sendMail: async () => ({}) } }],
    ["transporter", { transporter: {} }],
    ["port", { host: "a", port: 0 }],
    ["port", { host: "a", port: 70_000 }],
    ["auth.pass", { host: "a", auth: { user: "u" } }],
    ["tls", { host: "a", tls: { rejectUnauthorized: false } }],
    ["timeoutMs", { host: "a", timeoutMs: 0 }],
    ["concurrency", { host: "a", concurrency: 1.5 }],
  ])("of smtpTransport: %s %j", (option, options) => {
    expect(messageOf(() => smtpTransport(options as SmtpTransportOptions))).toContain(`option "${option}"`);
  });
});

test.each<[string, () => unknown]>([
  ["emailSink", () => emailSink({ transport: sesTransport(), rate: 5 } as never)],
  ["sesTransport", () => sesTransport({ configurationSet: "a" } as never)],
  ["smtpTransport", () => smtpTransport({ host: "a", user: "u" } as never)],
  ["smtpTransport({ auth })", () => smtpTransport({ host: "a", auth: { user: "u", pass: "p", type: "x" } } as never)],
  ["smtpTransport({ tls })", () => smtpTransport({ host: "a", tls: { cert: "x" } } as never)],
])("an unknown option of %s is refused by name", (factory, make) => {
  expect(messageOf(make)).toContain(`${factory} has no option "`);
});

test("a sink accepts one change per write, and as many concurrent writes as its transport sends mails", () => {
  expect(emailSink({ transport: sesTransport() }).supports).toEqual({
    writes: "append",
    maxEntries: 1,
    concurrency: 10,
    dedupe: "always",
  });
  expect(emailSink({ transport: smtpTransport({ host: "a" }) }).supports).toMatchObject({ concurrency: 5 });
});

test("valid names and stores are accepted", () => {
  const make = () =>
    emailSink({ transport: sesTransport(), dedupeStore: { leases } as never, name: "mail", maxPerSecond: 14 });
  expect(messageOf(make)).toBe("accepted");
});
