// The factory, and what a delivery passes on its way: the circuit, the gate, the signature, the request.

import {
  type AppendDelivery,
  DeadlineError,
  type DeliveryError,
  delivered,
  failed,
  type RateLimiter,
  rateLimiter,
  type Semaphore,
  type Sink,
  SinkError,
  semaphore,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { classifyAnswer, isOutage } from "./classify.ts";
import { type EncodedRequest, encode, type WebhookMessage } from "./encode.ts";
import { checkOptions, type Settings, type WebhookSinkOptions } from "./options.ts";
import {
  type Circuit,
  circuit as closedCircuit,
  type Permit,
  type Reach,
  type Refusal,
} from "./request/endpoint-health.ts";
import { type Answer, type Failure, type Requester, requester } from "./request/request.ts";
import { signatureHeaders } from "./request/signature.ts";

/** What one environment knows and holds of the endpoint. */
interface Endpoint {
  readonly settings: Settings;
  readonly circuit: Circuit;
  readonly semaphore: Semaphore;
  readonly turn: RateLimiter;
  readonly requester: Requester;
  /** The latest failure: the cause of what is not even tried while the circuit is open. */
  lastFailure: SinkError | undefined;
}

const refusalError = ({ settings, lastFailure }: Endpoint, { because, waitMs }: Refusal): SinkError => {
  const wait = waitMs === undefined ? {} : { retryAfterMs: Math.ceil(waitMs) };
  const options = { ...wait, ...(lastFailure && { cause: lastFailure }) };
  const left = waitMs === undefined ? "" : ` for another ${Math.ceil(waitMs)} ms`;
  return because === "asked"
    ? new SinkError("SINK_THROTTLED", `[${settings.name}] the endpoint asked to be left alone${left}`, options)
    : new SinkError("SINK_UNAVAILABLE", `[${settings.name}] the endpoint is away: nothing is sent${left}`, options);
};

const lateError = ({ settings }: Endpoint): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${settings.name}] the invocation's time was over before the request`);

/** Waiting in vain for so long tells of an outage, also where the invocation's end cut the wait. */
const tellingMs = 500;

const reachOf = (outcome: Answer | Failure, waitedMs: number): Reach => {
  if ("status" in outcome) return isOutage(outcome.status) ? "lost" : "answered";
  // The endpoint had closed a connection that was idle, as it may: this says nothing about its health.
  if (outcome.isStale || (outcome.isCut && waitedMs < tellingMs)) return "unknown";
  // A name or a certificate that is refused is a matter of settings.
  return outcome.error.code === "SINK_DENIED" ? "unknown" : "lost";
};

/** Signed at the time of sending: a receiver refuses an old timestamp. */
const signed = ({ keys, clock }: Settings, request: EncodedRequest): EncodedRequest => ({
  ...request,
  headers: { ...request.headers, ...signatureHeaders(request.id, clock.now(), request.body, keys) },
});

/** Makes the request, and learns from its outcome. */
const sendWith = async (
  endpoint: Endpoint,
  permit: Permit,
  request: EncodedRequest,
  signal: AbortSignal,
): Promise<SinkError | undefined> => {
  const { settings, requester, circuit } = endpoint;
  const startedAt = settings.clock.now();
  let reach: Reach = "unknown";
  try {
    const outcome = await requester.send(signed(settings, request), signal);
    reach = reachOf(outcome, settings.clock.now() - startedAt);
    const error = "status" in outcome ? classifyAnswer(settings.name, outcome, settings.codes) : outcome.error;
    if (reach === "lost") endpoint.lastFailure = error;
    if (error?.retryAfterMs !== undefined) circuit.pause(error.retryAfterMs);
    return error;
  } finally {
    permit.end(reach);
  }
};

/** Makes the request when it is its turn. The circuit is asked before too: what is refused takes nobody's turn. */
const sendInTurn = async (
  endpoint: Endpoint,
  item: string,
  request: EncodedRequest,
  signal: AbortSignal,
): Promise<DeliveryError | undefined> => {
  const { circuit, turn } = endpoint;
  const early = circuit.refusal(item);
  if (early !== undefined) return refusalError(endpoint, early);
  await turn(signal);
  if (signal.aborted) return lateError(endpoint);
  const refused = circuit.refusal(item);
  if (refused !== undefined) return refusalError(endpoint, refused);
  return sendWith(endpoint, circuit.enter(item), request, signal);
};

/** What keeps the delivery from having been taken; undefined when nothing did. */
const failureOf = async (
  endpoint: Endpoint,
  delivery: AppendDelivery<WebhookMessage>,
  { signal }: WriteContext,
): Promise<DeliveryError | undefined> => {
  const request = encode(delivery, endpoint.settings);
  await endpoint.semaphore.take();
  try {
    if (signal.aborted) return lateError(endpoint);
    return await sendInTurn(endpoint, delivery.change.itemKey, request, signal);
  } finally {
    endpoint.semaphore.give();
  }
};

const settle = async (
  delivery: AppendDelivery<WebhookMessage>,
  attempt: () => Promise<DeliveryError | undefined>,
): Promise<WriteResult> => {
  try {
    const error = await attempt();
    return error === undefined ? delivered(delivery) : failed(delivery, error);
  } catch (error) {
    if (error instanceof SinkError) return failed(delivery, error);
    throw error;
  }
};

/**
 * Sends each change to an HTTP endpoint, in order per item: signed after Standard Webhooks, with the idempotency key in
 * `webhook-id` and `Idempotency-Key`, and the change's version in `Sluice-Version`.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong.
 * @example
 * webhookSink({ url: "https://api.example.com/hooks/orders", secrets: [process.env.WEBHOOK_SECRET] })
 */
export const webhookSink = (options: WebhookSinkOptions): Sink<WebhookMessage, "append"> => {
  const settings = checkOptions(options);
  const endpoint: Endpoint = {
    settings,
    circuit: closedCircuit(settings.circuit, settings.clock.now),
    semaphore: semaphore(settings.concurrency),
    turn: rateLimiter(settings.maxPerSecond, settings.clock),
    requester: requester(settings),
    lastFailure: undefined,
  };
  return {
    name: settings.name,
    supports: { writes: "append", maxEntries: 1, concurrency: settings.concurrency },
    write: (batch, context) =>
      Promise.all(batch.map((delivery) => settle(delivery, () => failureOf(endpoint, delivery, context)))),
    dryRun: (batch) =>
      Promise.all(batch.map((delivery) => settle(delivery, async () => void encode(delivery, settings)))),
    close: async () => endpoint.requester.close(),
  };
};
