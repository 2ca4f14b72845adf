import { describe, test } from "@jest/globals";
import { conforms } from "@sluice/testing";
import { emailSink, sesTransport, smtpTransport } from "../src/index.ts";
import { openSesRig } from "./support/ses-rig.ts";
import { openSmtpRig } from "./support/smtp-rig.ts";

const skip = { C08: "a request holds one mail; sink.test.ts has the limit of its bytes" };
const transport = sesTransport();

conforms(
  { describe, test },
  {
    name: "email by SMTP",
    writes: "append",
    limits: { maxEntries: 1 },
    skip,
    badOptions: {
      host: () => emailSink({ transport: smtpTransport({}) }),
      tls: () =>
        emailSink({
          transport: smtpTransport({ host: "mail.example.com", tls: { rejectUnauthorized: false } as object }),
        }),
      transport: () => emailSink({} as never),
    },
    open: openSmtpRig,
  },
);

conforms(
  { describe, test },
  {
    name: "email by SES",
    writes: "append",
    limits: { maxEntries: 1 },
    skip,
    badOptions: {
      from: () => emailSink({ transport, from: "Shop <shop@example.com>" }),
      maxPerSecond: () => emailSink({ transport, maxPerSecond: 0 }),
      tags: () => sesTransport({ tags: { stage: "pro duction" } }),
    },
    open: openSesRig,
  },
);
