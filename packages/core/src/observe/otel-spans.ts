// Reports as spans of OpenTelemetry. The spans are made when the report is there, with the times of the invocation.

import { type Attributes, context, type Link, SpanKind, SpanStatusCode, type Tracer, trace } from "@opentelemetry/api";
import { isDeliveryError } from "../errors.ts";
import type { Change } from "../record/change.ts";
import { checkClient, checkOptionNames, invalidOption } from "../sink/option.ts";
import type { DeliveryReport } from "./delivery-report.ts";
import type { Observer } from "./observer.ts";
import { busyRoutes, outcomes } from "./outcomes.ts";
import type { InvocationReport, RouteReport } from "./report.ts";
import { spanContextOf } from "./traceparent.ts";

/** Options of `otelSpans`. */
export interface OtelSpansOptions {
  /**
   * Returns the `traceparent` that the writer stored in the item, for example `(change) => change.after?.traceparent`. The
   * span of the invocation then has a link to the writer's span. Default: no links.
   */
  readonly traceparentOf?: (change: Change) => unknown;
}

/** Number of links that OpenTelemetry's SDK keeps by default. It drops further ones. */
const maxLinks = 128;

/** Collects links to the spans of writers, each once. */
interface LinkCollector {
  readonly add: (change: Change) => void;
  /** Returns the collected links, and starts again. */
  readonly take: () => Link[];
}

const linkCollector = (traceparentOf: (change: Change) => unknown): LinkCollector => {
  /** By the text of trace and span, because one span may write many items. */
  const links = new Map<string, Link>();
  /** Several routes deliver the same change. */
  const seen = new Set<string>();

  const traceparent = (change: Change): unknown => {
    try {
      return traceparentOf(change);
    } catch (error) {
      // The image is not in the record, or the schema refuses the image. The delivery itself fails with this error.
      if (isDeliveryError(error)) return undefined;
      throw error;
    }
  };

  return {
    add: (change) => {
      if (links.size >= maxLinks || seen.has(change.eventId)) return;
      seen.add(change.eventId);
      const linked = spanContextOf(traceparent(change));
      if (linked !== undefined) links.set(`${linked.traceId}-${linked.spanId}`, { context: linked });
    },
    take: () => {
      const taken = [...links.values()];
      links.clear();
      seen.clear();
      return taken;
    },
  };
};

type Counts = { readonly [outcome in (typeof outcomes)[number]]: number };

const sumOf = (routes: readonly Counts[]): Counts => {
  const sum = { delivered: 0, superseded: 0, filtered: 0, rejected: 0, retried: 0 };
  for (const route of routes) for (const outcome of outcomes) sum[outcome] += route[outcome];
  return sum;
};

/** The counts as attributes, without zeros. */
const countAttributes = (counts: Counts): Attributes =>
  Object.fromEntries(
    outcomes.filter((outcome) => counts[outcome] > 0).map((outcome) => [`sluice.${outcome}`, counts[outcome]]),
  );

/** The status of a span: an error if deliveries failed, even if a queue or the stream retries them. */
const failureStatus = ({ rejected, retried }: Counts): { code: SpanStatusCode; message?: string } =>
  rejected + retried === 0
    ? { code: SpanStatusCode.UNSET }
    : { code: SpanStatusCode.ERROR, message: `${rejected} rejected, ${retried} retried` };

/** The status of an invocation that failed as a whole, even if no delivery of it was tried. */
const failedInvocation = { code: SpanStatusCode.ERROR, message: "the invocation failed" };

/** The error code of most failed deliveries. */
const mainCode = ({ failures }: InvocationReport): string | undefined =>
  Object.entries(failures).sort(([, a], [, b]) => b - a)[0]?.[0];

/** Attributes of the invocation's span. The names are those of OpenTelemetry's conventions, as far as they have one. */
const invocationAttributes = (report: InvocationReport, counts: Counts): Attributes => {
  const code = mainCode(report);
  return {
    "messaging.system": "aws.dynamodb_streams",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.batch.message_count": report.records,
    "sluice.pipeline": report.pipeline,
    "sluice.origin": report.origin,
    "sluice.reported": report.reported,
    "sluice.queued": report.queued,
    ...countAttributes(counts),
    ...(report.requestId !== undefined && { "faas.invocation_id": report.requestId }),
    ...(code !== undefined && { "error.type": code }),
  };
};

const routeAttributes = (name: string, route: RouteReport): Attributes => ({
  "sluice.route": name,
  "sluice.received": route.received,
  ...countAttributes(route),
  ...(route.queued > 0 && { "sluice.queued": route.queued }),
  ...(route.lagMs !== undefined && { "sluice.lag_ms": route.lagMs }),
  ...(route.pendingAgeMs !== undefined && { "sluice.pending_age_ms": route.pendingAgeMs }),
});

/** Makes the spans of one invocation. */
const writeSpans = (tracer: Tracer, report: InvocationReport, links: Link[]): void => {
  const { endedAt } = report;
  const startedAt = endedAt - report.durationMs;
  const routes = busyRoutes(report);
  const counts = sumOf(routes.map(([, route]) => route));
  const span = tracer.startSpan(`process ${report.pipeline}`, {
    kind: SpanKind.CONSUMER,
    startTime: new Date(startedAt),
    attributes: invocationAttributes(report, counts),
    links,
  });
  const parent = trace.setSpan(context.active(), span);
  for (const [name, route] of routes) {
    const attributes = routeAttributes(name, route);
    const child = tracer.startSpan(`write ${name}`, { startTime: new Date(startedAt), attributes }, parent);
    child.setStatus(failureStatus(route));
    child.end(new Date(Math.min(startedAt + route.durationMs, endedAt)));
  }
  span.setStatus(report.isFailed ? failedInvocation : failureStatus(counts));
  span.end(new Date(endedAt));
};

/**
 * Records each invocation as a span `process <pipeline>`, whose parent is the active span, with a span `write <route>` for
 * each route. The spans have counts, codes and times, and no item values.
 * @throws {ConfigError} CONFIG_INVALID when `tracer` is no tracer, or an option is unknown or wrong.
 */
export const otelSpans = (tracer: Tracer, options: OtelSpansOptions = {}): Observer => {
  checkClient(tracer ?? null, "startSpan", "a tracer of OpenTelemetry", "tracer");
  checkOptionNames<OtelSpansOptions>("otelSpans", options, { traceparentOf: true });
  const { traceparentOf } = options;
  if (traceparentOf !== undefined && typeof traceparentOf !== "function") {
    throw invalidOption("traceparentOf", "must be a function");
  }
  if (traceparentOf === undefined) return { onInvocation: (report) => writeSpans(tracer, report, []) };
  const links = linkCollector(traceparentOf);
  return {
    onDelivery: ({ outcome }: DeliveryReport, change) => {
      // A change that no route takes says nothing of its writer's trace.
      if (change !== undefined && outcome !== "filtered") links.add(change);
    },
    onInvocation: (report) => writeSpans(tracer, report, links.take()),
  };
};
