// The factory, and the steps of a request: check the endpoint's health, wait for the rate limit, sign, send.

import {
  type CallResult,
  type DeliveryError,
  notStarted,
  rateLimiter,
  type Sink,
  SinkError,
  semaphore,
  writeEach,
} from "@sluice/core/sink-kit";
import { classifyAnswer, isUnreachable } from "./classify.ts";
import { type EncodedRequest, encode, type WebhookMessage } from "./encode.ts";
import { checkOptions, type WebhookSinkOptions, type WebhookSinkSettings } from "./options.ts";
import { endpointHealth, type RequestRefusal } from "./request/endpoint-health.ts";
import { type EndpointAnswer, type EndpointFailure, requester } from "./request/request.ts";
import { signatureHeaders } from "./request/signature.ts";

const refusalError = (name: string, { reason, waitMs }: RequestRefusal, cause: SinkError | undefined): SinkError => {
  const retryAfterMs = waitMs === undefined ? undefined : Math.ceil(waitMs);
  const time = retryAfterMs === undefined ? "" : ` for another ${retryAfterMs} ms`;
  const options = { ...(retryAfterMs !== undefined && { retryAfterMs }), ...(cause && { cause }) };
  return reason === "retry-after"
    ? new SinkError("SINK_THROTTLED", `[${name}] the endpoint asked for no requests${time}`, options)
    : new SinkError("SINK_UNAVAILABLE", `[${name}] the circuit breaker is open: nothing is sent${time}`, options);
};

/** If the invocation's end cuts off a request that has waited this long, the endpoint counts as failing. */
const meaningfulWaitMs = 500;

/** Returns what a request says about the health of the endpoint. */
const callResultOf = (outcome: EndpointAnswer | EndpointFailure, waitedMs: number): CallResult => {
  if ("status" in outcome) return isUnreachable(outcome.status) ? "failed" : "succeeded";
  // An endpoint may close idle connections, and a short wait proves nothing. So the endpoint's health stays unknown.
  if (outcome.isStale || (outcome.isCut && waitedMs < meaningfulWaitMs)) return "unknown";
  // SINK_DENIED: the sink refuses the address or the certificate. This says nothing about the endpoint's health.
  return outcome.error.code === "SINK_DENIED" ? "unknown" : "failed";
};

/** Signs a request just before it is sent, because receivers reject an old timestamp. */
const signed = ({ keys, clock }: WebhookSinkSettings, request: EncodedRequest): EncodedRequest => ({
  ...request,
  headers: { ...request.headers, ...signatureHeaders(request.id, clock.now(), request.body, keys) },
});

/** Sends the request of an item. Resolves with an error if the endpoint did not accept it. */
type SendRequest = (
  request: EncodedRequest,
  itemKey: string,
  signal: AbortSignal,
) => Promise<DeliveryError | undefined>;

/** Creates the state of one environment: connections, rate limit and the endpoint's health. */
const endpointOf = (settings: WebhookSinkSettings): { readonly send: SendRequest; readonly close: () => void } => {
  const { name, clock, codes } = settings;
  const health = endpointHealth(settings.circuit, clock.now);
  const limited = semaphore(settings.concurrency);
  const turn = rateLimiter(settings.maxPerSecond, clock);
  const { send, close } = requester(settings);
  /** The latest failure. While the circuit is open, it is the cause of the errors. */
  let lastFailure: SinkError | undefined;

  const refusal = (itemKey: string): SinkError | undefined => {
    const found = health.refusal(itemKey);
    return found && refusalError(name, found, lastFailure);
  };
  const sendNow: SendRequest = async (request, itemKey, signal) => {
    const call = health.start(itemKey);
    const startedAt = clock.now();
    let result: CallResult = "unknown";
    try {
      const outcome = await send(signed(settings, request), signal);
      result = callResultOf(outcome, clock.now() - startedAt);
      const error = "status" in outcome ? classifyAnswer(name, outcome, codes) : outcome.error;
      if (result === "failed") lastFailure = error;
      if (error?.retryAfterMs !== undefined) health.pause(error.retryAfterMs);
      return error;
    } finally {
      call.end(result);
    }
  };
  /** Checks for a refusal before and after the wait. A refused request must not take another request's turn. */
  const sendInTurn: SendRequest = async (request, itemKey, signal) => {
    if (signal.aborted) return notStarted(name);
    const early = refusal(itemKey);
    if (early !== undefined) return early;
    await turn(signal);
    if (signal.aborted) return notStarted(name);
    return refusal(itemKey) ?? sendNow(request, itemKey, signal);
  };
  return { send: (...request) => limited(() => sendInTurn(...request)), close };
};

/**
 * Creates a sink that sends each change to an HTTP endpoint, in order per item. Requests are signed by Standard
 * Webhooks. The idempotency key is in `webhook-id` and `Idempotency-Key`, and the change's version in `Sluice-Version`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong; the message names the option.
 * @example
 * webhookSink({ url: "https://api.example.com/hooks/orders", secrets: [process.env.WEBHOOK_SECRET] })
 */
export const webhookSink = (options: WebhookSinkOptions): Sink<WebhookMessage, "append"> => {
  const settings = checkOptions(options);
  const { name, concurrency } = settings;
  const endpoint = endpointOf(settings);
  return {
    name,
    supports: { writes: "append", maxEntries: 1, concurrency },
    ...writeEach<WebhookMessage, EncodedRequest>({
      sink: name,
      encode: (delivery) => encode(delivery, settings),
      send: (request, { change }, { signal }) => endpoint.send(request, change.itemKey, signal),
    }),
    close: async () => endpoint.close(),
  };
};
