// Tests that environment variables choose SES or SMTP. handler.test.ts tests the whole function with SMTP.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { emailSink } from "@sluice/sink-email";
import { streamChange } from "@sluice/testing";
import sesLocal from "aws-ses-v2-local";
import { transport } from "../src/environment.ts";
import { openMailbox } from "./mailbox.ts";

const environment = process.env;

afterEach(() => {
  process.env = environment;
});

/** Sends one mail through the transport that the environment variables choose. */
const send = async (): Promise<string> => {
  const sink = emailSink({ transport: transport(), from: "shop@example.com" });
  const change = streamChange({ after: { pk: "customer#1" }, keyNames: ["pk"] });
  const message = { to: "ada@example.com", subject: "Welcome", text: "Hello" };
  const context = { signal: new AbortController().signal, remainingMs: () => 10_000 };
  const [result] = await sink.write([{ change, message, idempotencyKey: "event-1:welcome" }], context);
  await sink.close?.();
  return result?.outcome === "failed" ? result.error.message : String(result?.outcome);
};

test("mails are sent by SES when SMTP_URL is not set", async () => {
  const emulator = await sesLocal.default({ host: "127.0.0.1", port: 0 });
  const endpoint = `http://127.0.0.1:${(emulator.address() as AddressInfo).port}`;
  process.env = {
    ...environment,
    SMTP_URL: "",
    CONFIGURATION_SET: "shop",
    AWS_ENDPOINT_URL_SESV2: endpoint,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  };
  expect(await send()).toBe("delivered");
  const { emails } = (await (await fetch(`${endpoint}/store`)).json()) as { emails: { subject: string }[] };
  expect(emails).toMatchObject([{ subject: "Welcome", from: "shop@example.com" }]);
  const closed = once(emulator, "close");
  emulator.close();
  emulator.closeAllConnections();
  await closed;
});

test("mails are sent by SMTP when SMTP_URL is set", async () => {
  const mailbox = openMailbox();
  process.env = { ...environment, SMTP_URL: `smtp://127.0.0.1:${await mailbox.start()}` };
  expect(await send()).toBe("delivered");
  expect(mailbox.take().map(({ to }) => to)).toEqual(["ada@example.com"]);
  await mailbox.stop();
});
