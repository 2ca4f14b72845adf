import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createTransport } from "nodemailer";
import {
  type EmailMessage,
  type EmailSinkOptions,
  emailSink,
  type SmtpTransportOptions,
  smtpTransport,
} from "../src/index.ts";
import { cert, key } from "./support/certificate.ts";
import { manualClock } from "./support/clock.ts";
import { deliveryOf, errorOf, invocation, outcomeOf, write } from "./support/deliveries.ts";
import { login, openSmtp, type ScriptedSmtp } from "./support/smtp-server.ts";

let server: ScriptedSmtp;
let closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  server = await openSmtp();
});

afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
  await server.stop();
});

const open = (options: Partial<EmailSinkOptions> = {}, connection: Partial<SmtpTransportOptions> = {}) => {
  const transport = smtpTransport({ host: "127.0.0.1", port: server.port, auth: login, ...connection });
  closing.push(transport.close);
  return emailSink({ transport, ...options });
};

const batchOf = (count: number, members: Partial<EmailMessage> = {}) =>
  Array.from({ length: count }, (_, index) => deliveryOf(members, `e-${index}:email`));

/** Waits until `holds` returns true. The condition depends on sockets, so the test's clock cannot be used. */
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

describe("a mail by SMTP", () => {
  test("arrives byte for byte, including lines that begin with a dot", async () => {
    await write(open(), { text: ".\n..\n.x\nend", html: "<p>é</p>" });
    const [mail] = server.taken;
    expect(mail).toMatchObject({ from: "shop@example.com", to: ["ada@example.com"] });
    expect(mail?.raw).toContain("\r\n\r\n.\r\n..\r\n.x\r\nend\r\n");
    expect(mail?.raw.match(/^(Message-ID|Date|From|To|MIME-Version):/gm)).toHaveLength(5);
  });

  test("shares connections with other mails", async () => {
    const outcomes = (await open({}, { concurrency: 2 }).write(batchOf(20), invocation())).map(outcomeOf);
    expect(new Set(outcomes)).toEqual(new Set(["delivered"]));
    expect(server.taken).toHaveLength(20);
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  test("that the server rejects as a whole is SINK_REJECTED", async () => {
    server.setScript({ arrival: [554, "5.7.1 spam, ada@example.com"] });
    expect(errorOf(await write(open())).message).toBe("[email] the server answered 554 5.7.1 to DATA");
  });

  test("is not sent again by the pool if its connection is lost, because core retries", async () => {
    const sink = open();
    await write(sink);
    for (const script of [{ sender: "drop" }, { arrival: "take-and-drop" }] as const) {
      server.setScript(script);
      const before = server.requests();
      expect(outcomeOf(await write(sink))).toBe("SINK_UNAVAILABLE");
      expect(server.requests() - before).toBe(1);
    }
  });

  test("over the limit of the server is SINK_TOO_LARGE before it is sent", async () => {
    const small = await openSmtp({ size: 1_000 });
    const transport = smtpTransport({ host: "127.0.0.1", port: small.port, auth: login });
    const result = await write(emailSink({ transport }), { text: "x".repeat(1_000) });
    await transport.close();
    await small.stop();
    expect(outcomeOf(result)).toBe("SINK_TOO_LARGE");
    expect(small.taken).toEqual([]);
  });

  test("over the limit of the option is SINK_TOO_LARGE before any request, with both numbers", async () => {
    const sink = open({ maxBytes: 1_500 });
    const error = errorOf(await write(sink, { attachments: [{ filename: "a", content: "x".repeat(1_000) }] }));
    expect(error.code).toBe("SINK_TOO_LARGE");
    expect(error.message).toMatch(/^\[email\] the mail is \d{4} bytes with its attachments; the limit is 1500$/);
    expect(server.requests()).toBe(0);
  });

  test("is sent by a transporter of the user, which is not closed", async () => {
    const transporter = createTransport({ host: "127.0.0.1", port: server.port, auth: login, pool: true });
    const sink = emailSink({ transport: smtpTransport({ transporter }) });
    expect(outcomeOf(await write(sink))).toBe("delivered");
    await sink.close?.();
    expect(outcomeOf(await write(sink))).toBe("delivered");
    transporter.close();
  });

  test("is rejected if the transporter returns the rejection instead of throwing", async () => {
    const refusal = Object.assign(new Error("x"), { responseCode: 550, command: "RCPT TO", response: "550 5.1.1 no" });
    const answers = [{ rejected: ["ada@example.com"], rejectedErrors: [refusal] }, { rejected: ["ada@example.com"] }];
    const sink = emailSink({
      transport: smtpTransport({ transporter: { sendMail: async () => answers.shift() ?? {} } }),
    });
    expect(outcomeOf(await write(sink))).toBe("SINK_REJECTED");
    expect(outcomeOf(await write(sink))).toBe("SINK_REJECTED");
    expect(outcomeOf(await write(sink))).toBe("delivered");
  });
});

describe("TLS", () => {
  const openSecure = async (connection: Partial<SmtpTransportOptions>) => {
    const secure = await openSmtp({ secure: true, key, cert });
    closing.push(secure.stop);
    const transport = smtpTransport({ host: "127.0.0.1", port: secure.port, secure: true, auth: login, ...connection });
    closing.unshift(transport.close);
    return { secure, sink: emailSink({ transport }) };
  };

  test("accepts a certificate of an authority in the options", async () => {
    const { sink, secure } = await openSecure({ tls: { ca: cert, servername: "endpoint.test" } });
    expect(outcomeOf(await write(sink))).toBe("delivered");
    expect(secure.taken).toHaveLength(1);
  });

  test("refuses a certificate of an unknown authority, and sends the server nothing", async () => {
    const { sink, secure } = await openSecure({ tls: { servername: "endpoint.test" } });
    expect(outcomeOf(await write(sink))).toBe("SINK_DENIED");
    expect(secure.requests()).toBe(0);
  });

  test("refuses a certificate of another host", async () => {
    const { sink } = await openSecure({ tls: { ca: [cert], servername: "other.test" } });
    expect(outcomeOf(await write(sink))).toBe("SINK_DENIED");
  });

  test("is required unless the server is this machine", async () => {
    // A connection to 0.0.0.0 reaches this machine, but the sink does not treat 0.0.0.0 as local, so it requires TLS.
    const error = errorOf(await write(open({}, { host: "0.0.0.0" })));
    expect(error.code).toBe("SINK_DENIED");
    expect(server.requests()).toBe(0);
  });
});

describe("limits of time", () => {
  test("mails are sent at the rate of the option", async () => {
    const clock = manualClock();
    const sink = open({ maxPerSecond: 2, clock });
    const writing = sink.write(batchOf(3), invocation());
    const seen: number[] = [];
    for (let count = 1; count <= 3; count += 1) {
      await until(() => server.taken.length === count && clock.sleepers() === (count < 3 ? 1 : 0));
      seen.push(server.taken.length);
      await clock.advance(500);
    }
    expect(seen).toEqual([1, 2, 3]);
    expect((await writing).map(outcomeOf)).toEqual(["delivered", "delivered", "delivered"]);
  });

  test("a mail that waits for the rate limit is not sent after the invocation has ended", async () => {
    const clock = manualClock();
    const end = new AbortController();
    const writing = open({ maxPerSecond: 1, clock }).write(batchOf(2), invocation(end.signal));
    await until(() => server.taken.length === 1 && clock.sleepers() === 1);
    end.abort();
    const outcomes = (await writing).map(outcomeOf);
    expect(outcomes[1]).toBe("DEADLINE_EXCEEDED");
    expect(server.requests()).toBe(1);
  });

  test("a mail in flight is cut at the end of the invocation, and is not continued after a freeze", async () => {
    server.setScript({ arrival: "hang" });
    const end = new AbortController();
    const sink = open();
    const writing = write(sink, {}, end.signal);
    await until(() => server.requests() === 1);
    end.abort();
    expect(outcomeOf(await writing)).toBe("SINK_TIMEOUT");
    server.setScript({});
    expect(outcomeOf(await write(sink))).toBe("delivered");
    expect(server.taken).toHaveLength(1);
  });

  test("a mail to a silent server ends after the timeout", async () => {
    server.setScript({ arrival: "hang" });
    expect(outcomeOf(await write(open({}, { timeoutMs: 200 })))).toBe("SINK_TIMEOUT");
  });
});
