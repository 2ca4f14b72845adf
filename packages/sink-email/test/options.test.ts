import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "@sluice/core";
import { type EmailOptions, email, type SesOptions, type SmtpOptions, ses, smtp } from "../src/index.ts";

const messageOf = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (error instanceof ConfigError && error.code === "CONFIG_INVALID") return error.message;
    throw error;
  }
  return "accepted";
};

const claims = { claim: async () => "claimed", complete: async () => {}, release: async () => {} };

describe("a wrong option is named", () => {
  test.each<[string, object]>([
    ["transport", { transport: undefined }],
    ["transport", { transport: {} }],
    ["from", { from: "Shop <shop@example.com>" }],
    ["from", { from: { address: "shop@example.com", name: "a\r\nb" } }],
    ["maxPerSecond", { maxPerSecond: 0 }],
    ["maxBytes", { maxBytes: 0 }],
    ["dedupeStore", { dedupeStore: {} }],
    ["dedupeStore", { dedupeStore: { claims: { ...claims, release: undefined } } }],
    ["name", { name: "" }],
  ])("of email: %s %j", (option, options) => {
    const make = () => email({ transport: ses(), ...options } as EmailOptions);
    expect(messageOf(make)).toContain(`option "${option}"`);
  });

  test.each<[string, object]>([
    ["client", { client: {} }],
    ["configurationSetName", { configurationSetName: "" }],
    ["tags", { tags: { stage: "é" } }],
    ["concurrency", { concurrency: 0 }],
  ])("of ses: %s %j", (option, options) => {
    expect(messageOf(() => ses(options as SesOptions))).toContain(`option "${option}"`);
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
  ])("of smtp: %s %j", (option, options) => {
    expect(messageOf(() => smtp(options as SmtpOptions))).toContain(`option "${option}"`);
  });
});

test("a sink takes one change in a write, and as many writes at once as its transport mails", () => {
  expect(email({ transport: ses() }).supports).toEqual({
    writes: "append",
    maxEntries: 1,
    concurrency: 10,
    dedupe: "always",
  });
  expect(email({ transport: smtp({ host: "a" }) }).supports).toMatchObject({ concurrency: 5 });
});

test("names and stores that are right are accepted", () => {
  const make = () => email({ transport: ses(), dedupeStore: { claims } as never, name: "mail", maxPerSecond: 14 });
  expect(messageOf(make)).toBe("accepted");
});
