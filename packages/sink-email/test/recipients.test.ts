import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type EmailMessage, emailSink, smtpTransport } from "../src/index.ts";
import { deliveryOf, errorOf, invocation, outcomeOf, write } from "./support/deliveries.ts";
import { type MemoryLeases, memoryLeases } from "./support/leases.ts";
import { login, openSmtp, type Reply, type ScriptedSmtp } from "./support/smtp-server.ts";

let server: ScriptedSmtp;
let leases: MemoryLeases;
let closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  server = await openSmtp();
  leases = memoryLeases();
});

afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
  await server.stop();
});

/** Creates the sink of a new Lambda environment. All environments share the store of leases. */
const environment = () => {
  const transport = smtpTransport({ host: "127.0.0.1", port: server.port, auth: login });
  closing.push(transport.close);
  return emailSink({ transport, dedupeStore: { leases } });
};

const three: Partial<EmailMessage> = { to: ["ada@example.com", "bob@example.com"], bcc: "cyd@example.com" };

const answer = (replies: Readonly<Record<string, Reply>>): void =>
  server.setScript({ recipient: (address) => replies[address.split("@")[0] ?? ""] });

/** Recipients that received the mail, in order. A recipient that received the mail twice is listed twice. */
const reached = (): string[] => server.taken.flatMap(({ to }) => to.map((address) => address.split("@")[0] ?? ""));

const rejected: Reply = [550, "5.1.1 <bob@example.com> no such user"];
const later: Reply = [451, "4.7.1 come back later"];

describe("a mail to several recipients", () => {
  test("sends each of them a copy with the same content", async () => {
    expect(outcomeOf(await write(environment(), three))).toBe("delivered");
    expect(server.taken.map(({ to }) => to)).toEqual([["ada@example.com"], ["bob@example.com"], ["cyd@example.com"]]);
    const withoutDate = (raw: string): string => raw.replace(/^Date: .*$/m, "");
    expect(new Set(server.taken.map(({ raw }) => withoutDate(raw))).size).toBe(1);
  });

  test("is rejected if one recipient is rejected, and a redrive days later reaches only that recipient", async () => {
    answer({ bob: rejected });
    const error = errorOf(await write(environment(), three));
    expect({ code: error.code, message: error.message }).toEqual({
      code: "SINK_REJECTED",
      message: "[email] 1 of 3 recipients: the server answered 550 5.1.1 to RCPT",
    });
    expect(reached()).toEqual(["ada", "cyd"]);
    answer({});
    expect(outcomeOf(await write(environment(), three))).toBe("delivered");
    expect(reached()).toEqual(["ada", "cyd", "bob"]);
  });

  test("is retried only for a recipient that must wait, in any environment", async () => {
    answer({ bob: later });
    expect(errorOf(await write(environment(), three)).message).toContain("1 of 3 recipients: the server answered 451");
    expect(outcomeOf(await write(environment(), three))).toBe("SINK_THROTTLED");
    answer({});
    expect(outcomeOf(await write(environment(), three))).toBe("delivered");
    expect(reached()).toEqual(["ada", "cyd", "bob"]);
  });

  test("is retried while one recipient must wait, and then rejected if another recipient was rejected", async () => {
    answer({ ada: rejected, bob: later });
    const sink = environment();
    expect(outcomeOf(await write(sink, three))).toBe("SINK_THROTTLED");
    answer({ ada: rejected });
    expect(outcomeOf(await write(sink, three))).toBe("SINK_REJECTED");
    expect(reached()).toEqual(["cyd", "bob"]);
  });

  test("stops if the server is unavailable, because the next recipient would fail too", async () => {
    server.setScript({ recipient: () => [421, "4.3.2 shutting down"] });
    expect(outcomeOf(await write(environment(), three))).toBe("SINK_UNAVAILABLE");
    expect(server.requests()).toBe(1);
    server.setScript({});
    expect(outcomeOf(await write(environment(), three))).toBe("delivered");
    expect(reached()).toEqual(["ada", "bob", "cyd"]);
  });

  test("is not sent again on a repeat, and holds no lease after the write", async () => {
    for (let count = 0; count < 3; count += 1) expect(outcomeOf(await write(environment(), three))).toBe("delivered");
    expect(reached()).toEqual(["ada", "bob", "cyd"]);
    expect(leases.held()).toEqual([]);
    answer({ ada: later });
    await environment().write([deliveryOf(three, "e-2:email")], invocation());
    expect(leases.held()).toEqual([]);
  });

  test("stores no address", async () => {
    await write(environment(), three);
    expect(leases.completed()).toHaveLength(3);
    for (const key of leases.completed()) expect(key).toMatch(/^e-1:email:[\w-]{22}$/);
  });

  test("is rejected before any request if there is no store", async () => {
    const transport = smtpTransport({ host: "127.0.0.1", port: server.port, auth: login });
    const error = errorOf(await write(emailSink({ transport }), three));
    expect(error.code).toBe("SINK_REJECTED");
    expect(error.message).toContain('option "dedupeStore"');
    expect(server.requests()).toBe(0);
  });

  test("does not use the store if there is one recipient only", async () => {
    leases.fail("acquire", "complete", "release");
    expect(outcomeOf(await write(environment()))).toBe("delivered");
  });
});

describe("a store that fails", () => {
  test("to acquire a lease prevents the send", async () => {
    leases.fail("acquire");
    expect(outcomeOf(await write(environment(), three))).toBe("SINK_UNAVAILABLE");
    expect(server.requests()).toBe(0);
  });

  test("to complete the lease of the whole mail does not prevent the delivery", async () => {
    leases.fail("complete");
    expect(outcomeOf(await write(environment(), three))).toBe("delivered");
  });

  test("to complete the leases of some recipients causes a retry, which repeats no copy and is rejected", async () => {
    leases.fail("complete");
    answer({ bob: rejected });
    const sink = environment();
    const error = errorOf(await write(sink, three));
    expect(error.code).toBe("SINK_UNAVAILABLE");
    expect(error.message).toBe("[email] the leases of recipients cannot be reached");
    leases.fail();
    expect(outcomeOf(await write(sink, three))).toBe("SINK_REJECTED");
    expect(leases.completed()).toHaveLength(2);
    expect(reached()).toEqual(["ada", "cyd"]);
  });

  test("to release a lease does not hide the error of the mail", async () => {
    leases.fail("release");
    answer({ ada: later });
    expect(outcomeOf(await write(environment(), three))).toBe("SINK_THROTTLED");
  });
});

test("a recipient whose lease another invocation holds is a conflict", async () => {
  leases.hold(700);
  const error = errorOf(await write(environment(), three));
  expect(error.code).toBe("SINK_CONFLICT");
  expect(server.requests()).toBe(0);
});
