// Reports of invocations for tests of observers: one by hand, and random ones.

import fc from "fast-check";
import type { DeliveryErrorCode } from "../src/errors.ts";
import type { InvocationReport, RouteReport } from "../src/observe/report.ts";

/** A report of a route that received deliveries. `received` is the sum of the given outcomes. */
export const routeReport = (given: Partial<Omit<RouteReport, "received">>): RouteReport => {
  const counts = {
    delivered: 0,
    superseded: 0,
    filtered: 0,
    rejected: 0,
    retried: 0,
    queued: 0,
    durationMs: 0,
    ...given,
  };
  const { delivered, superseded, filtered, rejected, retried } = counts;
  return { received: delivered + superseded + filtered + rejected + retried, ...counts };
};

/** A report of the pipeline "orders". */
export const invocationReport = (given: Partial<InvocationReport>): InvocationReport => ({
  pipeline: "orders",
  origin: "stream",
  records: 0,
  reported: 0,
  queued: 0,
  durationMs: 0,
  endedAt: 1_767_323_045_000,
  routes: {},
  failures: {},
  ...given,
});

const count = fc.integer({ min: 0, max: 2_000 });
/** Half of all counts of a real report are zero. */
const sparse = fc.oneof(fc.constant(0), count);
const age = fc.integer({ min: 0, max: 86_400_000 });

const routeArbitrary: fc.Arbitrary<RouteReport> = fc
  .record(
    {
      delivered: sparse,
      superseded: sparse,
      filtered: sparse,
      rejected: sparse,
      retried: sparse,
      durationMs: fc.integer({ min: 0, max: 900_000 }),
      lagMs: age,
      pendingAgeMs: age,
    },
    { requiredKeys: ["delivered", "superseded", "filtered", "rejected", "retried", "durationMs"] },
  )
  .chain((route) =>
    fc.integer({ min: 0, max: route.retried }).map((queued) => routeReport({ ...route, queued }) satisfies RouteReport),
  );

const codes: readonly DeliveryErrorCode[] = ["MAPPING_FAILED", "SINK_THROTTLED", "SINK_REJECTED", "DEADLINE_EXCEEDED"];

/** Names as users give them; some are names of members of every object. */
const nameArbitrary = fc.oneof(
  fc.constantFrom("postgres", "search", "mail 2", "toString", "é/ü", "_aws"),
  fc.string({ minLength: 1, maxLength: 40 }),
);

/** Any report that core may make. */
export const reportArbitrary: fc.Arbitrary<InvocationReport> = fc
  .record({
    pipeline: nameArbitrary,
    origin: fc.constantFrom("stream", "retry", "redrive", "backfill", "replay"),
    records: count,
    reported: sparse,
    endedAt: fc.constant(1_767_323_045_000),
    durationMs: fc.integer({ min: 0, max: 900_000 }),
    routes: fc.dictionary(nameArbitrary, routeArbitrary, { maxKeys: 5, noNullPrototype: true }),
    requestId: fc.option(fc.uuid(), { nil: undefined }),
    failures: fc.dictionary(fc.constantFrom(...codes), fc.integer({ min: 1, max: 500 }), { noNullPrototype: true }),
  })
  .map(({ requestId, ...report }) => ({
    ...report,
    queued: Object.values(report.routes).reduce((sum, { queued }) => sum + queued, 0),
    ...(requestId !== undefined && { requestId }),
  }));
