// The conformance kit's rig for SMTP.

import { createHash } from "node:crypto";
import { type Change, toJson } from "@sluice/core/sink-kit";
import type { AppendRig, Fault, SpecimenItem } from "@sluice/testing";
import { simpleParser } from "mailparser";
import { type EmailMessage, emailSink, smtpTransport } from "../../src/index.ts";
import { login, openSmtp, type Reply, type SmtpScript } from "./smtp-server.ts";

/** The recipient for a change. The address is unique, so that the server knows the change before the mail arrives. */
export const recipientOf = ({ version }: Pick<Change, "version">): string =>
  `v-${createHash("sha256").update(version).digest("hex").slice(0, 32)}@example.com`;

/** The members of a mail that `toMessage` leaves out. */
export const members = ["from", "cc", "bcc", "replyTo", "html", "attachments", "headers", "unsubscribe", "tags"];

/** The mapper of the rig. */
export const toMessage = (change: Change<SpecimenItem>): EmailMessage => ({
  to: recipientOf(change),
  subject: `A ${change.kind}`,
  text: toJson({ version: change.version, after: change.after ?? null }),
});

/** Reads the mapped message and the idempotency key from a mail. */
export const readMail = async (raw: string, to: string) => {
  const { subject, text = "", messageId } = await simpleParser(raw);
  return { message: { to, subject, text: text.trimEnd() }, idempotencyKey: messageId ?? "" };
};

const greylisted: Reply = [451, "4.7.1 <someone@example.com> greylisted"];

const scripts: Readonly<Record<Fault["kind"], (fault: Fault) => SmtpScript | undefined>> = {
  throttle: () => ({ recipient: () => greylisted }),
  "throttle-one": (fault) => ({ recipient: only(fault, greylisted) }),
  refuse: (fault) => ({ recipient: only(fault, [550, "5.1.1 confidential-7f3a no such user"]) }),
  deny: () => ({ login: "deny" }),
  "drop-after-send": () => ({ arrival: "take-and-drop" }),
  hang: () => ({ arrival: "hang" }),
  down: () => undefined,
  "close-idle": () => undefined,
};

const only =
  (fault: Fault, reply: Reply) =>
  (address: string): Reply | undefined =>
    "change" in fault && recipientOf(fault.change) === address ? reply : undefined;

export const openSmtpRig = async (): Promise<AppendRig<EmailMessage>> => {
  const server = await openSmtp();
  return {
    sink: emailSink({
      transport: smtpTransport({ host: "127.0.0.1", port: server.port, auth: login, concurrency: 4 }),
      from: "shop@example.com",
    }),
    toMessage,
    read: () => Promise.all(server.taken.map(({ raw, to }) => readMail(raw, to[0] ?? ""))),
    requests: server.requests,
    fail: async (fault) => {
      if (fault.kind === "down") return server.stop();
      // Closes the open connections. They have already logged in, so `deny` would not affect them.
      if (fault.kind === "close-idle" || fault.kind === "deny") server.cut();
      const script = scripts[fault.kind](fault);
      if (script !== undefined) server.setScript(script);
    },
    endFault: async () => {
      server.setScript({});
      await server.start();
      server.cut();
    },
    close: server.stop,
    secrets: [login.pass],
    members,
  };
};
