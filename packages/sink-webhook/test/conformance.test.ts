import { describe, test } from "@jest/globals";
import { type AppendRig, conforms, type Fault } from "@sluice/testing";
import { type WebhookMessage, webhookSink } from "../src/index.ts";
import { manualClock } from "./support/clock.ts";
import { openEndpoint, type Script, status } from "./support/endpoint.ts";

const secret = `whsec_${Buffer.from("a secret of 24 bytes, ok").toString("base64")}`;
const apiKey = "Bearer secret-51c2";

type Kind = Fault["kind"];

const openRig = async (): Promise<AppendRig<WebhookMessage>> => {
  const endpoint = await openEndpoint();
  const taken: { readonly message: unknown; readonly idempotencyKey: string }[] = [];
  const clock = manualClock();
  const take: Script = ({ headers, body }, response) => {
    // C22 sends bodies that are not JSON.
    const sent: unknown = /^[{[]/.test(body) ? JSON.parse(body) : body;
    taken.push({ message: { body: sent }, idempotencyKey: String(headers["idempotency-key"]) });
    response.writeHead(204).end();
  };
  const only =
    (version: string, script: Script): Script =>
    (received, response) =>
      (received.headers["sluice-version"] === version ? script : take)(received, response);
  const scripts: Partial<Record<Kind, Script>> = {
    throttle: status(429),
    deny: status(401),
    down: status(503),
    hang: () => undefined,
    "drop-after-send": (received, response) => {
      take(received, { writeHead: () => ({ end: () => response.destroy() }) } as never);
    },
  };
  const partial: Partial<Record<Kind, Script>> = { "throttle-one": status(429), refuse: status(422) };
  endpoint.setScript(take);
  return {
    sink: webhookSink({
      url: endpoint.url,
      secrets: [secret],
      headers: { authorization: apiKey },
      allowAddresses: ["127.0.0.1"],
      clock,
    }),
    toMessage: ({ version, kind, after }) => ({ body: { version, kind, after: after ?? null } }),
    read: async () => taken,
    requests: () => endpoint.received.length,
    fail: async (fault) => {
      if (fault.kind === "close-idle") return endpoint.closeIdle();
      if (fault.kind === "down") return endpoint.stop();
      const script =
        "change" in fault ? only(fault.change.version, partial[fault.kind] as Script) : scripts[fault.kind];
      return endpoint.setScript(script as Script);
    },
    endFault: async () => {
      endpoint.setScript(take);
      await endpoint.start();
      // Advances the clock by an hour, so that a circuit breaker that opened during the fault lets a request through.
      await clock.advance(3_600_000);
    },
    close: endpoint.stop,
    secrets: [secret, apiKey, "secret-51c2"],
    members: ["path", "method", "headers"],
  };
};

const good = { url: "https://example.com/hook", secrets: [] };

conforms(
  { describe, test },
  {
    name: "webhook",
    writes: "append",
    limits: { maxEntries: 1 },
    skip: { C08: "a request holds one message; encode.test.ts has the limit of its body" },
    badOptions: {
      url: () => webhookSink({ ...good, url: "ftp://example.com" }),
      secrets: () => webhookSink({ ...good, secrets: ["whsec_short"] }),
      timeoutMs: () => webhookSink({ ...good, timeoutMs: 0 }),
      allowAddresses: () => webhookSink({ ...good, allowAddresses: ["localhost"] }),
    },
    open: openRig,
  },
);
