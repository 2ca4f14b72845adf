import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Sink, SinkError, WriteResult } from "@sluice/core/sink-kit";
import { type WebhookMessage, type WebhookSinkOptions, webhookSink } from "../src/index.ts";
import { checkOptions } from "../src/options.ts";
import { agentOptions } from "../src/request/request.ts";
import { cert, key } from "./support/certificate.ts";
import { type ManualClock, manualClock, settle } from "./support/clock.ts";
import { deliveryOf, invocation, outcomeOf } from "./support/deliveries.ts";
import { type Endpoint, openEndpoint, type Script, status } from "./support/endpoint.ts";

let endpoint: Endpoint;
let clock: ManualClock;
let sinks: Sink<WebhookMessage>[] = [];

beforeEach(async () => {
  endpoint = await openEndpoint();
  clock = manualClock();
});

afterEach(async () => {
  for (const sink of sinks) await sink.close?.();
  sinks = [];
  await endpoint.stop();
});

const open = (options: Partial<WebhookSinkOptions> = {}) => {
  const sink = webhookSink({ url: endpoint.url, secrets: [], allowAddresses: ["127.0.0.0/8"], clock, ...options });
  sinks.push(sink);
  const send = async (orderId = "o-1", signal?: AbortSignal): Promise<WriteResult> => {
    const [result] = await sink.write([deliveryOf(undefined, orderId)], invocation(signal));
    return result as WriteResult;
  };
  return { sink, send };
};

const errorOf = (result: WriteResult): SinkError => {
  if (result.outcome !== "failed") throw new Error(`found ${result.outcome}; expected a failure`);
  return result.error as SinkError;
};

/** Waits until `holds` returns true. The condition depends on sockets, so the test's clock cannot be used. */
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
};

describe("a request", () => {
  test("follows no redirect", async () => {
    endpoint.setScript(status(302, { location: `${endpoint.url}/elsewhere` }));
    expect(outcomeOf(await open().send())).toBe("SINK_MISSING");
    expect(endpoint.received.map(({ path }) => path)).toEqual(["/hook"]);
  });

  test("is signed again on every attempt, with the same id", async () => {
    const { send } = open({ secrets: [`whsec_${Buffer.alloc(24).toString("base64")}`] });
    endpoint.setScript(status(500));
    await send();
    await clock.advance(60_000);
    endpoint.setScript(status(200));
    await send();
    const [first, second] = endpoint.received.map(({ headers }) => headers);
    expect(first?.["webhook-id"]).toBe("o-1:hook");
    expect(second?.["webhook-id"]).toBe("o-1:hook");
    expect(Number(second?.["webhook-timestamp"]) - Number(first?.["webhook-timestamp"])).toBe(60);
    expect(second?.["webhook-signature"]).not.toBe(first?.["webhook-signature"]);
  });

  test("reuses a connection", async () => {
    const { send } = open();
    for (let count = 0; count < 3; count += 1) await send();
    expect(endpoint.connections()).toBe(1);
  });

  test("ends after the timeout with SINK_TIMEOUT", async () => {
    endpoint.setScript(() => undefined);
    const sending = open({ timeoutMs: 3_000 }).send();
    await until(() => endpoint.received.length === 1);
    await clock.advance(2_999);
    await clock.advance(1);
    const error = errorOf(await sending);
    expect({ code: error.code, message: error.message }).toEqual({
      code: "SINK_TIMEOUT",
      message: "[webhook] no answer within 3000 ms",
    });
  });

  test("ends after the timeout even if an answer arrives byte by byte", async () => {
    let bytes = 0;
    endpoint.setScript((_, { socket }) => {
      const feed = (): void => {
        if (socket === null || socket.destroyed) return;
        bytes += 1;
        socket.write(bytes === 1 ? "HTTP/1.1 200 OK\r\nx: " : "y", () => setImmediate(feed));
      };
      feed();
    });
    const sending = open({ timeoutMs: 3_000 }).send();
    await until(() => bytes > 20);
    await clock.advance(3_000);
    expect(outcomeOf(await sending)).toBe("SINK_TIMEOUT");
  });

  test("with a slow answer within the timeout is delivered", async () => {
    let answer: () => void = () => undefined;
    endpoint.setScript((_, response) => {
      answer = () => response.writeHead(204).end();
    });
    const sending = open({ timeoutMs: 3_000 }).send();
    await until(() => endpoint.received.length === 1);
    await clock.advance(2_999);
    answer();
    expect(outcomeOf(await sending)).toBe("delivered");
  });

  test("ends when the signal aborts", async () => {
    endpoint.setScript(() => undefined);
    const invocation = new AbortController();
    const sending = open().send("o-1", invocation.signal);
    await until(() => endpoint.received.length === 1);
    invocation.abort();
    expect(outcomeOf(await sending)).toBe("SINK_TIMEOUT");
  });

  test("leaves no timer behind", async () => {
    await open().send();
    expect(clock.sleepers()).toBe(0);
  });

  test("that waits for the rate limit is not sent after the invocation has ended", async () => {
    const { sink } = open({ maxPerSecond: 1 });
    const invocationEnd = new AbortController();
    const batch = ["a", "b"].map((orderId) => deliveryOf(undefined, orderId));
    const writing = sink.write(batch, invocation(invocationEnd.signal));
    // Waits until the first request has arrived and the second request sleeps because of the rate limit.
    await until(() => endpoint.received.length === 1 && clock.sleepers() === 1);
    invocationEnd.abort();
    expect((await writing).map(outcomeOf)).toEqual(["delivered", "DEADLINE_EXCEEDED"]);
    expect(endpoint.received).toHaveLength(1);
  });

  test('is not sent while as many requests are in flight as option "concurrency" allows', async () => {
    let most = 0;
    let now = 0;
    endpoint.setScript((_, response) => {
      now += 1;
      most = Math.max(most, now);
      setImmediate(() => {
        now -= 1;
        response.writeHead(204).end();
      });
    });
    const { sink } = open({ concurrency: 3 });
    const batch = Array.from({ length: 12 }, (_, index) => deliveryOf(undefined, `o-${index}`));
    expect((await sink.write(batch, invocation())).map(outcomeOf)).toEqual(batch.map(() => "delivered"));
    expect(most).toBeLessThanOrEqual(3);
    expect(endpoint.received).toHaveLength(12);
  });
});

describe("an endpoint that sends Retry-After", () => {
  test("gets no request from this environment during this delay", async () => {
    endpoint.setScript(status(429, { "retry-after": "30" }));
    const { send } = open();
    expect(errorOf(await send())).toMatchObject({ code: "SINK_THROTTLED", retryAfterMs: 30_000 });
    await clock.advance(10_000);
    endpoint.setScript(status(204));
    expect(errorOf(await send("o-2"))).toMatchObject({ code: "SINK_THROTTLED", retryAfterMs: 20_000 });
    expect(endpoint.received).toHaveLength(1);
    await clock.advance(20_000);
    expect(outcomeOf(await send("o-2"))).toBe("delivered");
  });

  test("may send a date", async () => {
    const at = new Date(clock.now() + 5_000).toUTCString();
    endpoint.setScript(status(503, { "retry-after": at }));
    expect(errorOf(await open().send())).toMatchObject({ code: "SINK_UNAVAILABLE", retryAfterMs: 5_000 });
  });

  test("gets further requests if the answer is a success", async () => {
    endpoint.setScript(status(200, { "retry-after": "30" }));
    const { send } = open();
    expect([outcomeOf(await send()), outcomeOf(await send("o-2"))]).toEqual(["delivered", "delivered"]);
  });
});

describe("the circuit breaker", () => {
  test("opens, so that deliveries fail at once until a probe succeeds", async () => {
    await endpoint.stop();
    const { send } = open({ circuitBreaker: { failures: 3 } });
    for (const orderId of ["a", "b", "c"]) expect(outcomeOf(await send(orderId))).toBe("SINK_UNAVAILABLE");
    await endpoint.start();
    const refused = errorOf(await send("d"));
    expect(refused).toMatchObject({ code: "SINK_UNAVAILABLE", retryAfterMs: 2_000 });
    expect((refused.cause as SinkError).message).toBe("[webhook] no answer: ECONNREFUSED");
    expect(endpoint.received).toEqual([]);
    await clock.advance(2_000);
    expect(outcomeOf(await send("e"))).toBe("delivered");
    expect(outcomeOf(await send("d"))).toBe("delivered");
  });

  test("lets the deliveries to a silent endpoint wait for one timeout, not for one timeout each", async () => {
    endpoint.setScript(() => undefined);
    const { sink } = open({ concurrency: 5, timeoutMs: 1_000 });
    const batch = Array.from({ length: 40 }, (_, index) => deliveryOf(undefined, `o-${index}`));
    const writing = sink.write(batch, invocation());
    await until(() => endpoint.received.length === 5);
    await clock.advance(1_000);
    const outcomes = (await writing).map(outcomeOf);
    expect(outcomes.filter((outcome) => outcome === "SINK_TIMEOUT")).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === "SINK_UNAVAILABLE")).toHaveLength(35);
    expect(endpoint.received).toHaveLength(5);
  });

  test("counts a request that the end of the invocation cut, if the request had waited long enough", async () => {
    endpoint.setScript(() => undefined);
    const { send } = open({ circuitBreaker: { failures: 1 } });
    const short = new AbortController();
    const cutAtOnce = send("a", short.signal);
    await until(() => endpoint.received.length === 1);
    short.abort();
    await cutAtOnce;
    const long = new AbortController();
    const cutLater = send("a", long.signal);
    await until(() => endpoint.received.length === 2);
    await clock.advance(500);
    long.abort();
    await cutLater;
    expect(errorOf(await send("b")).message).toContain("the circuit breaker is open");
    expect(endpoint.received).toHaveLength(2);
  });

  test("does not count 500, 400 and 429, because the endpoint answers", async () => {
    const { send } = open({ circuitBreaker: { failures: 2 } });
    for (const code of [500, 400, 429, 500, 400, 429]) {
      endpoint.setScript(status(code));
      await send();
    }
    expect(endpoint.received).toHaveLength(6);
  });

  test("does not count idle connections that the endpoint has closed", async () => {
    const { send } = open({ circuitBreaker: { failures: 1 } });
    for (let count = 0; count < 4; count += 1) {
      await send();
      // The endpoint closes the connection when the sink reuses it, as may happen after Lambda has frozen the sink.
      endpoint.setScript((_, response) => response.destroy());
      expect(outcomeOf(await send())).toBe("SINK_UNAVAILABLE");
      endpoint.setScript(status(204));
    }
    expect(endpoint.received).toHaveLength(8);
  });
});

describe("an endpoint that breaks the protocol", () => {
  const scripts: readonly (readonly [string, Script, string])[] = [
    ["closes the connection before it answers", (_, response) => response.destroy(), "SINK_UNAVAILABLE"],
    ["does not speak HTTP", (_, { socket }) => socket?.end("220 smtp.example.com ESMTP\r\n"), "SINK_UNAVAILABLE"],
    ["sends half a status line", (_, { socket }) => socket?.end("HTTP/1.1 20"), "SINK_UNAVAILABLE"],
    ["has endless headers", (_, { socket }) => socket?.end(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(99_999)}`), "SINK_UNAVAILABLE"],
    ["promises more of a body than it sends", (_, { socket }) => socket?.end("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx"), "delivered"],
    ["sends more of a body than it promised", (_, { socket }) => socket?.end("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxyz"), "delivered"],
    ["breaks off the body of an error", (_, { socket }) => socket?.end("HTTP/1.1 422 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\nx"), "SINK_REJECTED"],
    ["switches to another protocol", (_, { socket }) => socket?.write("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"), "SINK_UNAVAILABLE"],
    ["sends an invalid Retry-After", status(429, { "retry-after": "as soon as possible" }), "SINK_THROTTLED"],
    ["sends a Retry-After of centuries", status(429, { "retry-after": "9999999999" }), "SINK_THROTTLED"],
  ]; // biome-ignore format: one line for each

  test.each(scripts)("and %s", async (_, script, outcome) => {
    endpoint.setScript(script);
    expect(outcomeOf(await open().send())).toBe(outcome);
  });

  test("and sends an endless body is judged by its status, and the connection is closed", async () => {
    let closed = false;
    endpoint.setScript((_, response) => {
      response.writeHead(200);
      const feed = (): void => {
        if (!response.destroyed) response.write("x".repeat(16_384), () => setImmediate(feed));
      };
      response.on("close", () => {
        closed = true;
      });
      feed();
    });
    expect(outcomeOf(await open().send())).toBe("delivered");
    await until(() => closed);
  });

  test("and never sends the body is judged by its status after a moment", async () => {
    endpoint.setScript((_, response) => void response.writeHead(200, { "content-length": "5" }).flushHeaders());
    const sending = open().send();
    await until(() => clock.sleepers() === 2);
    await clock.advance(200);
    expect(outcomeOf(await sending)).toBe("delivered");
  });

  test("and answers before it has read the request is judged by its status", async () => {
    const server: Server = createServer((socket) => {
      sockets.push(socket.on("error", () => undefined));
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    const sockets: Socket[] = [];
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const outcome = outcomeOf(await open({ url: `http://127.0.0.1:${port}/` }).send());
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(outcome).toBe("delivered");
  });
});

describe("a host name", () => {
  const resolving =
    (...addresses: string[]) =>
    async () =>
      addresses.map((address) => ({ address, family: 4 }));
  const urlOf = (): string => endpoint.url.replace("127.0.0.1", "endpoint.test");

  test("with an allowed address is reached", async () => {
    const { send } = open({ url: urlOf(), resolve: resolving("127.0.0.1") });
    expect(outcomeOf(await send())).toBe("delivered");
    expect(endpoint.received[0]?.headers.host).toBe(`endpoint.test:${endpoint.port}`);
  });

  test("with a private address that is not allowed is refused after resolution, without a connection", async () => {
    const url = urlOf().replace("http:", "https:");
    const { send } = open({ url, allowAddresses: [], resolve: resolving("127.0.0.1") });
    const error = errorOf(await send());
    expect(error.code).toBe("SINK_DENIED");
    expect(error.message).toContain("allowAddresses");
    expect(endpoint.connections()).toBe(0);
  });

  test("that later resolves to a private address is refused from then on", async () => {
    const answers = ["127.0.0.1", "10.0.0.1"];
    const { send, sink } = open({
      url: urlOf(),
      allowAddresses: ["127.0.0.1"],
      resolve: async () => [{ address: answers.shift() as string, family: 4 }],
    });
    expect(outcomeOf(await send())).toBe("delivered");
    await sink.close?.();
    expect(outcomeOf(await send())).toBe("SINK_DENIED");
    expect(endpoint.received).toHaveLength(1);
  });

  test("that does not resolve is SINK_UNAVAILABLE", async () => {
    const resolve = (): Promise<never> => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
    expect(errorOf(await open({ url: urlOf(), resolve }).send()).message).toBe("[webhook] no answer: ENOTFOUND");
  });

  test("whose resolver never answers ends with the timeout", async () => {
    const sending = open({ url: urlOf(), resolve: () => new Promise(() => {}), timeoutMs: 100 }).send();
    await settle();
    await clock.advance(100);
    expect(outcomeOf(await sending)).toBe("SINK_TIMEOUT");
  });
});

describe("TLS", () => {
  let secure: Endpoint;

  beforeEach(async () => {
    secure = await openEndpoint({ key, cert });
  });

  afterEach(() => secure.stop());

  const openSecure = (options: Partial<WebhookSinkOptions> = {}, host = "endpoint.test") =>
    open({
      url: `https://${host}:${secure.port}/`,
      resolve: async () => [{ address: "127.0.0.1", family: 4 }],
      ...options,
    });

  test("accepts a certificate of an authority in the options", async () => {
    expect(outcomeOf(await openSecure({ tls: { ca: cert } }).send())).toBe("delivered");
  });

  test("refuses a certificate of an unknown authority", async () => {
    expect(errorOf(await openSecure().send()).message).toContain("DEPTH_ZERO_SELF_SIGNED_CERT");
    expect(secure.received).toEqual([]);
  });

  test("refuses a certificate of another host", async () => {
    const error = errorOf(await openSecure({ tls: { ca: [cert] } }, "other.test").send());
    expect(error.message).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  // Checks the agent's options, because a test cannot set the real variable: Jest's process.env is a copy.
  test("is verified explicitly, so that NODE_TLS_REJECT_UNAUTHORIZED does not matter", () => {
    const settings = checkOptions({ url: "https://api.example.com", secrets: [], tls: { ca: cert } });
    expect(agentOptions(settings)).toMatchObject({ rejectUnauthorized: true, ca: cert });
  });
});
