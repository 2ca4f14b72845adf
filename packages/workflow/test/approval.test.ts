import { describe, expect, test } from "@jest/globals";
import type { Clock } from "@sluice/core/sink-kit";
import { type Approval, signed, verified } from "../src/approval/approval-link.ts";
import {
  type ApprovalPageOptions,
  type ApprovalRequestEvent,
  approvalPageHandler,
  approvalRequestHandler,
  type HttpAnswer,
  type HttpEvent,
  type Notification,
} from "../src/index.ts";
import { queueUrl, startMs } from "./memory-queue.ts";
import { keptLines, silent } from "./rig.ts";

const secret = "0123456789abcdef0123456789abcdef";
const clockAt = (now: number): Clock => ({ now: () => now, sleep: async () => undefined, random: () => 0 });

const approval: Approval = {
  token: "AQCEAAAA+task/token==",
  expiresAt: startMs + 60_000,
  run: "arn:aws:states:eu-west-1:123456789012:execution:redrive:1",
  queue: "orders-dead",
  messages: 42,
  mode: "redrive",
};

interface SentDecision {
  readonly taskToken: string;
  readonly output: string;
}

/** Creates the approval page, and the list of the decisions that the page sends to Step Functions. */
const made = ({ refusal, ...options }: ApprovalPageOptions & { readonly refusal?: string } = {}) => {
  const decisions: SentDecision[] = [];
  const sfn = {
    sendTaskSuccess: async (input: SentDecision) => {
      if (refusal !== undefined) throw Object.assign(new Error("no"), { name: refusal });
      decisions.push(input);
    },
  };
  const handler = approvalPageHandler({
    secret,
    clients: { sfn },
    logger: silent,
    clock: clockAt(startMs),
    ...options,
  });
  return { handler, decisions };
};

const request = (method: string, parameter: string | undefined, more: Partial<HttpEvent> = {}): HttpEvent => ({
  requestContext: { http: { method } },
  ...(parameter !== undefined && { queryStringParameters: { approval: parameter } }),
  ...more,
});

const link = signed(approval, secret);
const post = (decision: string): HttpEvent => request("POST", link, { body: `decision=${decision}` });

describe("a link", () => {
  test("contains the signed content", () => {
    expect(verified(link, secret)).toEqual(approval);
  });

  test("consists of characters that need no escaping in a URL or an e-mail", () => {
    expect(link).toMatch(/^[\w-]+\.[\w-]{43}$/);
  });

  const [text = "", mac = ""] = link.split(".");
  const other = Buffer.from(JSON.stringify({ ...approval, token: "another" })).toString("base64url");
  test.each([
    ["", ""],
    ["no signature", text],
    ["an empty signature", `${text}.`],
    ["another's signature", `${other}.${mac}`],
    ["a shortened signature", `${text}.${mac.slice(0, -2)}`],
    ["additional text at its end", `${link}.x`],
    ["another secret", signed(approval, `${secret}x`)],
    ["the signature of nothing", `.${signed(approval, secret).split(".")[1]}`],
  ])("with %s is invalid", (_name, parameter) => {
    expect(verified(parameter, secret)).toBeUndefined();
  });

  test("is invalid when any character is changed", () => {
    for (let at = 0; at < link.length - 1; at += 1) {
      const changed = `${link.slice(0, at)}${link[at] === "A" ? "B" : "A"}${link.slice(at + 1)}`;
      expect(verified(changed, secret)).toBeUndefined();
    }
  });
});

describe("the page", () => {
  test("shows the run on GET, and sends no decision", async () => {
    const { handler, decisions } = made();
    const answer = await handler(request("GET", link));
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('<form method="post">');
    expect(answer.body).toContain("orders-dead");
    expect(answer.body).toContain("about 42");
    expect(decisions).toEqual([]);
  });

  test.each(["GET", "HEAD"])("sends no decision for a scanner's %s that contains a decision", async (method) => {
    const { handler, decisions } = made();
    const query = { approval: link, decision: "approve" };
    const answer = await handler(request(method, link, { queryStringParameters: query, body: "decision=approve" }));
    expect([answer.statusCode, decisions]).toEqual([200, []]);
  });

  test.each(["PUT", "DELETE", "OPTIONS", "PATCH", ""])("answers the method %s with 405", async (method) => {
    const { handler, decisions } = made();
    const answer = await handler(request(method, link, { body: "decision=approve" }));
    expect([answer.statusCode, answer.headers.allow, decisions]).toEqual([405, "GET, HEAD, POST", []]);
  });

  test.each([
    ["approve", "approved"],
    ["reject", "rejected"],
  ])("decides when its form is submitted: %s", async (button, decision) => {
    const { handler, decisions } = made();
    const answer = await handler(post(button));
    expect(answer.statusCode).toBe(200);
    expect(decisions).toEqual([
      {
        taskToken: approval.token,
        output: JSON.stringify({ decision, decidedAt: new Date(startMs).toISOString() }),
      },
    ]);
  });

  test.each(["", "constructor", "__proto__", "yes", "APPROVE"])(
    "sends no decision for a form with the decision %p",
    async (decision) => {
      const { handler, decisions } = made();
      expect([(await handler(post(decision))).statusCode, decisions]).toEqual([400, []]);
    },
  );

  test("reads forms of a function URL, which are base64", async () => {
    const { handler, decisions } = made();
    const body = Buffer.from("decision=reject").toString("base64");
    await handler(request("POST", link, { body, isBase64Encoded: true }));
    expect(decisions).toHaveLength(1);
  });

  test("reads requests of a REST API", async () => {
    const { handler, decisions } = made();
    const event: HttpEvent = {
      httpMethod: "POST",
      queryStringParameters: { approval: link },
      body: "decision=approve",
    };
    expect((await handler(event)).statusCode).toBe(200);
    expect(decisions).toHaveLength(1);
  });

  test.each<[string, HttpEvent]>([
    ["no link", request("POST", undefined, { body: "decision=approve" })],
    ["no query", { httpMethod: "POST", queryStringParameters: null, body: "decision=approve" }],
    ["a forged link", request("POST", signed(approval, "x".repeat(32)), { body: "decision=approve" })],
    ["a task token", request("POST", approval.token, { body: "decision=approve" })],
  ])("is refused with %s, to GET and POST alike", async (_name, event) => {
    const { handler, decisions } = made();
    const statuses = [await handler(event), await handler({ ...event, requestContext: { http: { method: "GET" } } })];
    expect([statuses.map(({ statusCode }) => statusCode), decisions]).toEqual([[403, 403], []]);
  });

  test("answers 410 after the link has expired", async () => {
    const { handler, decisions } = made({ clock: clockAt(approval.expiresAt) });
    expect([(await handler(post("approve"))).statusCode, decisions]).toEqual([410, []]);
    expect((await handler(request("GET", link))).statusCode).toBe(410);
  });

  test.each(["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])(
    "answers 410 when Step Functions returns %s",
    async (refusal) => {
      const { handler } = made({ refusal });
      expect((await handler(post("approve"))).statusCode).toBe(410);
    },
  );

  test.each(["AccessDeniedException", "ServiceUnavailable"])(
    "shows that the decision failed with %s",
    async (refusal) => {
      const { lines, ...logger } = keptLines();
      const { handler } = made({ refusal, logger });
      expect((await handler(post("approve"))).statusCode).toBe(502);
      expect(lines[0]).toMatchObject({
        level: "warn",
        message: "decision not accepted by Step Functions",
        fields: { run: approval.run },
      });
      expect(JSON.stringify(lines)).not.toContain(approval.token);
    },
  );

  test("escapes all values", async () => {
    const { handler } = made();
    const evil = `<script>alert("1")</script>'&`;
    const answer = await handler(request("GET", signed({ ...approval, queue: evil, run: evil, mode: evil }, secret)));
    expect(answer.body).not.toContain("<script");
    expect(answer.body.split("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;")).toHaveLength(4);
  });

  test("shows neither the task token nor the link", async () => {
    const { handler } = made();
    const answers: HttpAnswer[] = [await handler(request("GET", link)), await handler(post("approve"))];
    for (const { body } of answers) {
      expect(body).not.toContain(approval.token);
      expect(body).not.toContain(link.slice(0, 40));
    }
  });

  test("forbids frames, caches, indexes, referrers and scripts", async () => {
    const { handler } = made();
    const { headers } = await handler(request("GET", link));
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-frame-options": "DENY",
      "x-robots-tag": "noindex, nofollow",
    });
    expect(headers["content-security-policy"]).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'/,
    );
  });
});

describe("the request", () => {
  const event: ApprovalRequestEvent = {
    token: approval.token,
    run: approval.run,
    mode: "redrive",
    timeoutSeconds: 60,
    inspection: {
      isEmpty: false,
      depth: { visible: 42, inFlight: 3, delayed: 0 },
      sample: { size: 5, counts: { webhook: { SINK_REJECTED: 4 }, copy: { MAPPING_FAILED: 1 } } },
      settings: {},
    },
  };

  const asked = async (pageUrl: string): Promise<Notification> => {
    const sent: Notification[] = [];
    const sendMail = async (notification: Notification) => {
      sent.push(notification);
    };
    await approvalRequestHandler({ queueUrl, pageUrl, secret, sendMail, clock: clockAt(startMs) })(event);
    expect(sent).toHaveLength(1);
    return sent[0] as Notification;
  };

  const linkIn = ({ text }: Notification): URL => new URL(/https:\S+/.exec(text)?.[0] ?? "");

  test("contains a link that the page accepts", async () => {
    const notification = await asked("https://x.lambda-url.eu-west-1.on.aws/");
    const { handler, decisions } = made();
    const parameter = linkIn(notification).searchParams.get("approval") ?? "";
    await handler(request("POST", parameter, { body: "decision=approve" }));
    expect(decisions).toHaveLength(1);
    expect(verified(parameter, secret)).toEqual(approval);
  });

  test("keeps the path and parameters of the page's URL", async () => {
    const url = linkIn(await asked("https://api.example.com/prod/approve?stage=1"));
    expect(url.href).toMatch(/^https:\/\/api\.example\.com\/prod\/approve\?stage=1&approval=/);
  });

  test("contains the queue's content and the expiry", async () => {
    const { subject, text } = await asked("https://example.com/");
    expect(subject).toBe("Approve a redrive of about 42 dead letters in orders-dead?");
    expect(text).toContain("About 42 messages are in the queue, and 3 in flight.");
    expect(text).toContain("     4  webhook  SINK_REJECTED\n     1  copy  MAPPING_FAILED");
    expect(text).toContain("before 2026-11-25T12:01:00.000Z");
  });

  test("is sent to a topic, with a subject that SNS accepts", async () => {
    const published: unknown[] = [];
    const sns = { publish: async (input: unknown) => published.push(input) };
    const topicArn = "arn:aws:sns:eu-west-1:123456789012:redrive";
    const long = `https://sqs.eu-west-1.amazonaws.com/123456789012/${"q".repeat(80)}`;
    const options = { queueUrl: long, pageUrl: "https://example.com/", secret, topicArn, clients: { sns } };
    await approvalRequestHandler(options)(event);
    expect(published).toHaveLength(1);
    expect(published[0]).toMatchObject({ TopicArn: topicArn });
    expect((published[0] as { Subject: string }).Subject).toHaveLength(100);
  });

  test("that cannot be sent fails its state", async () => {
    const sns = { publish: () => Promise.reject(Object.assign(new Error("slow"), { name: "ThrottledException" })) };
    const options = { queueUrl, pageUrl: "https://example.com/", secret, topicArn: "arn", clients: { sns } };
    await expect(approvalRequestHandler(options)(event)).rejects.toMatchObject({ name: "RedriveThrottledError" });
  });

  test.each([
    ["pageUrl", { queueUrl, secret, topicArn: "arn" }],
    ["secret", { queueUrl, pageUrl: "https://example.com/", topicArn: "arn" }],
    ["topicArn", { queueUrl, pageUrl: "https://example.com/", secret }],
  ])("is refused without %s", (name, options) => {
    expect(() => approvalRequestHandler(options)).toThrow(`"${name}"`);
  });
});

describe("the secret", () => {
  test("must have 32 bytes", () => {
    expect(() => approvalPageHandler({ secret: "short" })).toThrow('"secret"');
  });

  test("may come from a store, which is read once, or again after an error", async () => {
    let asked = 0;
    const store = async (): Promise<string> => {
      asked += 1;
      if (asked === 1) throw new Error("down");
      return secret;
    };
    const { handler } = made({ secret: store });
    await expect(handler(request("GET", link))).rejects.toThrow("down");
    expect((await handler(request("GET", link))).statusCode).toBe(200);
    expect((await handler(request("GET", link))).statusCode).toBe(200);
    expect(asked).toBe(2);
  });

  test("from a store must also have 32 bytes", async () => {
    const { handler } = made({ secret: async () => "short" });
    await expect(handler(request("GET", link))).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
