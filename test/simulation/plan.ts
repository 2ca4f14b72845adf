// A plan: everything that a seed decides before a history is played. A plan is data, so that a failing plan can shrink.

import type { StreamViewType } from "@sluice/core/envelope";
import { type Random, randomFrom } from "./random.ts";

/** A write to the table. `type` and `expiresInMs` are attributes of the item. */
export interface TableStep {
  readonly at: number;
  readonly item: number;
  readonly kind: "put" | "remove" | "expire";
  readonly type: string;
  readonly expiresInMs: number;
}

/** The places at which requests leave an environment. */
export type Place = "append" | "upsert" | "dead-letters" | "retries" | "marks" | "journal" | "leases" | "payload";

const faultKinds = ["error", "lost", "partial", "hang", "crash-before", "crash-after", "freeze"] as const;
/** Faults of a request. `freeze`: the environment continues much later. */
export type FaultKind = (typeof faultKinds)[number];

/** A fault of one request: the nth at its place, or the first at its place from a time on. */
export type Fault = { readonly place: Place; readonly kind: FaultKind } & (
  | { readonly nth: number }
  | { readonly at: number }
);

/**
 * A time in which requests at a place fail. At a target, the requests of one item are throttled or rejected; `item`
 * undefined means all items. At other places every request fails.
 */
export interface Outage {
  readonly place: Place;
  readonly item: number | undefined;
  readonly from: number;
  readonly to: number;
  readonly answer: "throttled" | "rejected";
}

/** Filters by an item's type, or by the clock. */
export type FilterPlan =
  | { readonly kind: "all" }
  | { readonly kind: "clock" }
  | { readonly kind: "types"; readonly types: string };

/** What a mapper reads besides the item, or that it throws for some changes. */
export type MapperKind = "plain" | "before" | "kind" | "throws";

/** A route. */
export interface RoutePlan {
  readonly writes: "append" | "upsert";
  /** The target's number. Routes with equal numbers share their target. */
  readonly target: number;
  /** Undefined: the sink's name is the route's name. */
  readonly name?: string;
  readonly dedupe?: "none" | "on-failure" | "always" | "native";
  readonly isFifo: boolean;
  /** One filter for each version of the function. */
  readonly filters: readonly FilterPlan[];
  readonly mapper: MapperKind;
  readonly retryIn?: "stream";
  readonly removesUnmatched?: true;
}

/** A pipeline. */
export interface PipelinePlan {
  readonly name: string;
  readonly onReject: "block" | "dead-letter";
  readonly usesRetryQueue: boolean;
  readonly routes: readonly RoutePlan[];
}

/** A person at the queues: redrives dead letters to a pipeline, or lets SQS move them to the retry queue. */
export interface OperatorStep {
  readonly at: number;
  readonly kind: "redrive" | "move";
  readonly pipeline: number;
}

/** An event with a record of another table that has an item with the same key. */
export interface StrangerStep {
  readonly at: number;
  readonly pipeline: number;
  readonly item: number;
}

/** Clients move to another region, and back. */
export interface Failover {
  readonly away: number;
  readonly back: number;
  /** Whether the stream of the other region is younger. */
  readonly isYounger: boolean;
  /** Whether the other region's stream is read only from `away` to `back`. Otherwise it is always read. */
  readonly isReadMeanwhile: boolean;
}

/** A backfill that begins at a time. */
export interface BackfillStep {
  readonly at: number;
  readonly pipeline: number;
}

/** A world, and everything that happens in it. */
export interface Plan {
  readonly seed: number;
  readonly viewType: StreamViewType;
  readonly pipelines: readonly PipelinePlan[];
  readonly shards: number;
  readonly steps: readonly TableStep[];
  readonly faults: readonly Fault[];
  readonly outages: readonly Outage[];
  readonly operator: readonly OperatorStep[];
  readonly strangers: readonly StrangerStep[];
  /** Copies of the table by a program, beside everything else. */
  readonly backfills: readonly BackfillStep[];
  /** The clients of a global table write to another region from `away` to `back`, whole seconds. */
  readonly failover: Failover | undefined;
  /** From this time on, mappers no longer throw. */
  readonly fixedAt: number;
  /** Positions of the changes for which mappers throw before `fixedAt`. */
  readonly throwing: readonly number[];
  /** Items whose envelopes are stored with their records in the payload store. */
  readonly offloaded: readonly number[];
  readonly deadLetterQueue: "standard" | "fifo";
  readonly retryQueue: "standard" | "fifo";
  /** Whether upsert targets take the keys of some items for equal, so that these items share a row. */
  readonly sharesRows: boolean;
  /** Probability that an event contains one of its records twice. */
  readonly twice: number;
  /** Probability that a finished batch is delivered again. */
  readonly redelivery: number;
  readonly maxBatch: number;
  readonly environments: number;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly concurrency: number;
  readonly maxEntries: number;
  /** From `deployedAt` to `retiredAt`, both versions of the function are alive. */
  readonly deployedAt: number;
  readonly retiredAt: number;
}

const all: FilterPlan = { kind: "all" };
const types = (text: string): FilterPlan => ({ kind: "types", types: text });

const maybe = <Value>(random: Random, probability: number, value: () => Value): Value | undefined =>
  random.chance(probability) ? value() : undefined;

const listOf = <Value>(count: number, create: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => create(index));

/** The upsert routes of a world: one, or two with disjoint filters to one target. */
const upsertRoutes = (random: Random, viewType: StreamViewType, hasVersions: boolean): RoutePlan[] => {
  const base = { writes: "upsert", isFifo: false, target: 0, mapper: "plain" } as const;
  if (hasVersions && random.chance(0.6))
    return [{ ...base, filters: [types("a"), types(random.pick(["b", "b", "ab"]))] }];
  const shape = random.between(0, 9);
  if (shape < 3) {
    return [
      { ...base, name: "one", filters: [types("a")] },
      { ...base, name: "two", filters: [types("b")] },
    ];
  }
  if (shape < 5)
    return [{ ...base, filters: [{ kind: "clock" }], ...(random.chance(0.7) && { removesUnmatched: true }) }];
  if (shape < 7 && viewType === "NEW_AND_OLD_IMAGES") {
    return [{ ...base, mapper: random.pick(["before", "kind"]), filters: [all] }];
  }
  return [{ ...base, mapper: random.pick(["plain", "throws"]), filters: [random.pick([all, types("a")])] }];
};

const appendRoute = (random: Random, target: number, name: string | undefined): RoutePlan => {
  const isFifo = random.chance(0.4);
  const dedupe = random.pick([
    undefined,
    "on-failure",
    "none",
    "always",
    ...(isFifo ? (["native"] as const) : []),
  ] as const);
  const retryIn = maybe(random, 0.15, () => "stream" as const);
  return {
    writes: "append",
    target,
    isFifo,
    filters: [random.pick([all, all, types("a")])],
    mapper: random.pick(["plain", "throws", "throws"]),
    ...(dedupe && { dedupe }),
    ...(name && { name }),
    ...(retryIn && { retryIn }),
  };
};

const routesOf = (random: Random, viewType: StreamViewType, hasVersions: boolean): RoutePlan[] => {
  const shape = random.between(0, 4);
  const upserts = shape === 0 || shape > 2 ? upsertRoutes(random, viewType, hasVersions) : [];
  const appends = shape > 0 && shape < 4 ? [appendRoute(random, 1, undefined)] : [];
  if (shape === 2) appends.push(appendRoute(random, 2, "second"));
  return [...upserts, ...appends];
};

/** The second pipeline: the same routes under another name, or routes with the other types to the same targets. */
const sibling = (random: Random, first: PipelinePlan): PipelinePlan => {
  const isSame = random.chance(0.6);
  const other = (filter: FilterPlan): FilterPlan => {
    if (filter.kind === "types" && filter.types.length === 1) return types(filter.types === "a" ? "b" : "a");
    return filter;
  };
  const routes = first.routes.map((route) => (isSame ? route : { ...route, filters: route.filters.map(other) }));
  return { ...first, name: "q", routes };
};

/** The places that a pipeline's requests leave from. Faults elsewhere would never happen. */
const placesOf = ({ onReject, usesRetryQueue, routes }: PipelinePlan): Place[] => {
  const modes = new Set(routes.map(({ writes }) => writes));
  const used: Place[] = [...modes];
  if (onReject !== "block") used.push("dead-letters", "payload");
  if (usesRetryQueue) used.push("retries", "retries");
  if (usesRetryQueue && modes.has("append")) used.push("marks", "marks", "marks");
  if (routes.some(({ dedupe, writes }) => writes === "append" && (dedupe ?? "on-failure") === "on-failure"))
    used.push("journal");
  if (routes.some(({ dedupe }) => dedupe === "always")) used.push("leases");
  return used;
};

const hour = 3_600_000;

/** The moments of a plan. Much happens at the same time, because faults meet only then. */
interface Moments {
  readonly incidents: readonly number[];
  readonly at: () => number;
  readonly items: number;
}

const momentsOf = (random: Random, span: number, items: number): Moments => {
  const incidents = listOf(random.between(1, 2), () => random.between(0, span));
  const at = (): number =>
    random.chance(0.6) ? Math.max(0, random.pick(incidents) + random.between(-3_000, 9_000)) : random.between(0, span);
  return { incidents, at, items };
};

const stepsOf = (random: Random, { at, items }: Moments, span: number): TableStep[] =>
  listOf(random.between(2, 12), () => ({
    at: at(),
    item: random.between(0, items - 1),
    kind: random.pick(["put", "put", "put", "remove", "expire"] as const),
    type: random.pick(["a", "a", "b"]),
    expiresInMs: random.pick([1_000, span / 2, 100 * hour]),
  })).sort((a, b) => a.at - b.at);

/** Clients move to the other region and back. Append routes keep no order between two streams, so they do not. */
const failoverOf = (random: Random, pipelines: readonly PipelinePlan[], span: number): Plan["failover"] => {
  if (pipelines.some(({ routes }) => routes.some(({ writes }) => writes === "append")) || random.chance(0.5))
    return undefined;
  const away = 1_000 * random.between(3, span / 2_000);
  return {
    away,
    back: away + 1_000 * random.between(6, span / 2_000),
    isYounger: random.chance(0.5),
    isReadMeanwhile: random.chance(0.6),
  };
};

/** Around a fail-over, clients write to neither region until all changes are replicated. */
const withPauses = (steps: readonly TableStep[], failover: Plan["failover"]): readonly TableStep[] => {
  if (failover === undefined) return steps;
  const moments = [failover.away, failover.back];
  const isPause = (at: number): boolean => moments.some((moment) => at > moment - 3_000 && at < moment + 1_000);
  return steps.filter(({ at }) => !isPause(at));
};

/** Outages that meet: the target, its queue and the marks of waiting items fail within seconds. */
const meetingOutages = (random: Random, pipeline: PipelinePlan, { incidents, items }: Moments): Outage[] => {
  const start = random.pick(incidents);
  const windowAt = (place: Place, item: number | undefined): Outage => {
    const from = start + random.between(0, 5_000);
    return { place, item, from, to: from + random.pick([500, 2_000, 6_000]), answer: "throttled" };
  };
  const target = pipeline.routes.some(({ writes }) => writes === "append") ? "append" : "upsert";
  const queues: Place[] = pipeline.usesRetryQueue ? ["marks", "retries", "marks", "retries"] : [];
  const others: Place[] = [...queues, ...(pipeline.onReject === "block" ? [] : (["dead-letters"] as const))];
  return [
    windowAt(target, random.pick([undefined, random.between(0, items - 1)])),
    ...others.filter(() => random.chance(0.5)).map((place) => windowAt(place, undefined)),
  ];
};

const singleOutage = (
  random: Random,
  { routes, onReject }: PipelinePlan,
  used: readonly Place[],
  moments: Moments,
): Outage => {
  const from = moments.at();
  const isOfTarget = random.chance(0.5);
  return {
    place: isOfTarget ? random.pick(routes).writes : random.pick(used),
    item: isOfTarget ? random.pick([undefined, random.between(0, moments.items - 1)]) : undefined,
    from,
    to: from + random.pick([2_000, 5_000, 60_000, ...(isOfTarget ? [600_000] : [])]),
    answer: onReject === "block" ? "throttled" : random.pick(["throttled", "throttled", "rejected"]),
  };
};

/** Faults of single requests, and sometimes of several requests of one moment. */
const faultsOf = (random: Random, used: readonly Place[], { at }: Moments): Fault[] => {
  const kindOr = (probability: number): FaultKind => (random.chance(probability) ? "error" : random.pick(faultKinds));
  const single = listOf(random.pick([0, 1, 3, 5, 8]), (): Fault => {
    const fault = { place: random.pick(used), kind: kindOr(0.4) };
    return random.chance(0.5) ? { ...fault, nth: random.between(1, 6) } : { ...fault, at: at() };
  });
  if (random.chance(0.6)) return single;
  const moment = at();
  const hit = [...new Set(used)].filter(() => random.chance(0.6));
  return [...single, ...hit.map((place) => ({ place, at: moment, kind: kindOr(0.7) }))];
};

const pipelinesOf = (
  random: Random,
  viewType: StreamViewType,
  options: Pick<PipelinePlan, "onReject" | "usesRetryQueue">,
) => {
  const first: PipelinePlan = { name: "p", ...options, routes: routesOf(random, viewType, random.chance(0.3)) };
  return random.chance(0.35) ? ([first, sibling(random, first)] as const) : ([first] as const);
};

const retryQueueOf = (random: Random, pipelines: readonly PipelinePlan[]): Plan["retryQueue"] =>
  pipelines.some(({ routes }) => routes.some(({ writes, retryIn }) => writes === "append" && !retryIn))
    ? "fifo"
    : random.pick(["standard", "fifo"]);

/** Settings of the function and its event source mappings. */
const settingsOf = (random: Random, { at }: Moments) => {
  // Two versions of the function are alive from the start, or from some time on.
  const deployedAt = random.chance(0.5) ? 0 : at();
  return {
    shards: random.pick([1, 1, 2]),
    twice: random.pick([0, 0, 0.2]),
    redelivery: random.pick([0, 0.1, 0.3]),
    maxBatch: random.pick([1, 3, 10]),
    environments: random.between(1, 3),
    timeoutMs: random.pick([10_000, 30_000]),
    maxAttempts: random.pick([1, 2, 3]),
    concurrency: random.pick([1, 3]),
    maxEntries: random.pick([1, 2, 10]),
    deployedAt,
    retiredAt: deployedAt + random.pick([10_000, hour]),
  };
};

/** Creates the plan of a seed. */
export const planOf = (seed: number): Plan => {
  const random = randomFrom(seed);
  const usesRetryQueue = random.chance(0.65);
  const onReject = !usesRetryQueue && random.chance(0.5) ? "block" : "dead-letter";
  // A removal without its old image is rejected by a route with a filter, and would block the shard for ever.
  const viewType = onReject === "block" || random.chance(0.65) ? "NEW_AND_OLD_IMAGES" : "NEW_IMAGE";
  const pipelines = pipelinesOf(random, viewType, { onReject, usesRetryQueue });
  const [first] = pipelines;
  const items = random.between(1, 3);
  const span = random.pick([10_000, 60_000, 600_000]);
  const moments = momentsOf(random, span, items);
  const { at } = moments;
  const failover = failoverOf(random, pipelines, span);
  const steps = withPauses(stepsOf(random, moments, span), failover);
  const offloaded = listOf(items, (index) => index).filter(() => random.chance(0.3));
  const used = [...placesOf(first), ...(offloaded.length > 0 ? (["payload", "payload"] as const) : [])];
  return {
    seed,
    viewType,
    pipelines,
    steps,
    failover,
    offloaded,
    faults: faultsOf(random, used, moments),
    outages: [
      ...(random.chance(0.35) ? meetingOutages(random, first, moments) : []),
      ...listOf(random.pick([0, 1, 2]), () => singleOutage(random, first, used, moments)),
    ],
    operator: listOf(random.pick([0, 0, 1, 2]), () => ({
      at: at(),
      kind: usesRetryQueue ? random.pick(["redrive", "move"] as const) : "redrive",
      pipeline: random.between(0, pipelines.length - 1),
    })),
    strangers: listOf(random.pick([0, 0, 0, 1]), () => ({
      at: at(),
      pipeline: random.between(0, pipelines.length - 1),
      item: random.between(0, items - 1),
    })),
    fixedAt: at() + random.pick([0, 0, 60_000, 600_000]),
    throwing: steps.map((_, index) => index + 1).filter(() => random.chance(0.3)),
    deadLetterQueue: random.pick(["standard", "fifo"]),
    retryQueue: retryQueueOf(random, pipelines),
    sharesRows: random.chance(0.25),
    ...settingsOf(random, moments),
    backfills: listOf(random.pick([0, 1, 2]), () => ({ at: at(), pipeline: random.between(0, pipelines.length - 1) })),
  };
};
