import { describe, test } from "@jest/globals";
import { conforms } from "@sluice/testing";
import { email, ses, smtp } from "../src/index.ts";
import { openSesRig } from "./support/ses-rig.ts";
import { openSmtpRig } from "./support/smtp-rig.ts";

const skip = { C08: "a request holds one mail; sink.test.ts has the limit of its bytes" };
const transport = ses();

conforms(
  { describe, test },
  {
    name: "email by SMTP",
    writes: "append",
    limits: { maxEntries: 1 },
    skip,
    badOptions: {
      host: () => email({ transport: smtp({}) }),
      tls: () => email({ transport: smtp({ host: "mail.example.com", tls: { rejectUnauthorized: false } as object }) }),
      transport: () => email({} as never),
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
      from: () => email({ transport, from: "Shop <shop@example.com>" }),
      maxPerSecond: () => email({ transport, maxPerSecond: 0 }),
      tags: () => ses({ tags: { stage: "pro duction" } }),
    },
    open: openSesRig,
  },
);
