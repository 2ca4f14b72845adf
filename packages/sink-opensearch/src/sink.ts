// Creates the sink from its options. The sink connects at its first write.

import {
  checkOptionNames,
  checkTombstoneDays,
  type EnsureOptions,
  failed,
  type LazyClient,
  lazyClient,
  type Maintenance,
  type MappedSink,
  notStarted,
  objectNumber,
  orSinkError,
  type PurgeOptions,
  SinkError,
  type UpsertDelivery,
  type WriteContext,
  type WriteResult,
  withinDeadline,
} from "@sluice/core/sink-kit";
import type { BulkItem } from "./classify.ts";
import { type ClosableClient, type OpensearchClient, openClient } from "./client/client.ts";
import { requestBody, sendRequest } from "./client/request.ts";
import { type BulkEntry, encodeBatch } from "./encode.ts";
import { checkOptions, type OpensearchSettings, type OpensearchSinkOptions } from "./options.ts";
import { canonicalCopies } from "./read/canonical.ts";
import { readCopies } from "./read/copies.ts";
import { listKeys } from "./read/list-keys.ts";
import { ensureIndex } from "./schema/ensure.ts";
import { oldestTombstone, purgeTombstones } from "./schema/purge.ts";
import { type TargetCheck, type TargetIndex, targetCheck } from "./schema/target-index.ts";
import { filterPath } from "./write/answer.ts";
import { writeBatch } from "./write/bulk.ts";
import { dryRunBatch } from "./write/dry-run.ts";
import { type RecentWrite, type RecentWrites, recentWrites } from "./write/recent-writes.ts";
import type { RoutingOf } from "./write/routing.ts";
import type { SendRequest } from "./write/stored-states.ts";
import { writeKnown } from "./write/write-known.ts";
import { placeBatch, type WriteWave, writeRouted } from "./write/write-routed.ts";

/**
 * A document that a mapper returns: any object except an array. It replaces the whole existing document. The sink
 * converts `Set`s to arrays in a fixed order, bytes to base64 text, and exact numbers to strings.
 */
export type OpensearchDocument = object;

/**
 * Keeps the documents behind one alias equal to the mapped items. `ensure` creates a missing index, alias and fields.
 * `map` is the default mapper. It returns the whole item, so each attribute becomes a field of the document.
 */
export interface OpensearchSink extends MappedSink<OpensearchDocument, "upsert">, Maintenance {
  readonly close: Maintenance["close"];
}

const lazyOpensearch = ({ source }: OpensearchSettings): LazyClient<OpensearchClient> =>
  "settings" in source
    ? lazyClient<OpensearchClient, ClosableClient>(
        undefined,
        () => openClient(source.settings),
        (client) => client.close(),
      )
    : { get: async () => source.client, close: async () => undefined };

/** Serverless has no documented condition on sequence numbers, so its result has only the version. */
const writeOf = ({ serverless }: OpensearchSettings, { delivery }: BulkEntry, item: BulkItem): RecentWrite => {
  const { result, _seq_no: seqNo, _primary_term: primaryTerm } = item;
  const { version } = delivery.change;
  const mayBeTombstone = delivery.message === undefined;
  return serverless || result === "noop" || seqNo === undefined || primaryTerm === undefined
    ? { version, mayBeTombstone }
    : { version, mayBeTombstone, sequenceNumber: { seqNo, primaryTerm } };
};

/** Identifies the alias. The URL of the node contains no credentials, because the options have moved them to `auth`. */
const targetOf = ({ source, index }: OpensearchSettings): string =>
  `opensearch ${"settings" in source ? source.settings.node : `client ${objectNumber(source.client)}`} ${index}`;

/** Creates the function that writes a batch of one routing for each delivery. */
const waveOf = (
  settings: OpensearchSettings,
  recent: RecentWrites,
  { opened, target, context, now, request }: OpenTarget,
): WriteWave => {
  const { name: sink, index, limits, concurrency, timeoutMs, names } = settings;
  const requestOptions = { sink, context, timeoutMs, names };
  const bulkRequest = {
    method: "POST",
    path: `/${encodeURIComponent(index)}/_bulk`,
    querystring: `require_alias=true&filter_path=${filterPath}`,
  };
  const writing = {
    ...{ sink, names, limits, concurrency, signal: context.signal },
    send: (bulkBody: Buffer) => sendRequest(opened, { ...bulkRequest, bulkBody }, requestOptions),
    remember: (entry: BulkEntry, item: BulkItem) => recent.add(entry.place, writeOf(settings, entry, item)),
  };
  return async (batch, routingOf, mayMove) => {
    const encoding = { sink, maxBytes: limits.maxBytes, geoFields: target.geoFields, routingOf, now: now() };
    const hasPipelines = target.pipelines.length > 0;
    const isKnown = (delivery: UpsertDelivery<object>): boolean =>
      delivery.message !== undefined && (hasPipelines || mayMove.has(delivery));
    const byScript = hasPipelines || mayMove.size > 0 ? batch.filter((one) => !isKnown(one)) : batch;
    const usual = hasPipelines ? encoding : { ...encoding, recent };
    const results = await writeBatch(byScript, {
      ...writing,
      encode: (slice) => encodeBatch(slice, usual),
      encodeByScript: (undecided) => encodeBatch(undecided, encoding),
      encodeLast: (again) => encodeBatch(again, { ...encoding, isLast: true }),
    });
    if (byScript.length === batch.length) return results;
    const others = batch.filter(isKnown);
    return [...results, ...(await writeKnown(others, { ...writing, index, request, encodeOptions: encoding }))];
  };
};

/** What one call of a method needs. */
interface OpenTarget {
  readonly opened: OpensearchClient;
  readonly target: TargetIndex;
  readonly context: WriteContext;
  readonly now: () => number;
  readonly request: SendRequest;
}

const none: ReadonlySet<UpsertDelivery<object>> = new Set();

const isMissing = (result: WriteResult): boolean => result.outcome === "failed" && result.error.code === "SINK_MISSING";

/** What the methods of a sink share. */
interface Environment {
  readonly settings: OpensearchSettings;
  readonly recent: RecentWrites;
  readonly check: TargetCheck;
  /** Opens the client, and checks the index. @throws {SinkError} when the index cannot be used. */
  readonly open: (context: WriteContext) => Promise<OpenTarget>;
}

const environmentOf = (
  settings: OpensearchSettings,
  client: LazyClient<OpensearchClient>,
  now: () => number,
): Environment => {
  const { name: sink, timeoutMs, names } = settings;
  const recent = recentWrites();
  const check = targetCheck(settings, now, recent.clear);
  return {
    ...{ settings, recent, check },
    open: async (context) => {
      const opened = await client.get();
      const target = await check.get(opened, context);
      const request: SendRequest = (params) => requestBody(opened, params, { sink, context, timeoutMs, names });
      return { opened, target, context, now, request };
    },
  };
};

/** Creates `write` and `dryRun`. */
const writesOf = ({
  settings,
  recent,
  check,
  open,
}: Environment): Pick<Required<OpensearchSink>, "write" | "dryRun"> => {
  const { name: sink, index, limits, routing } = settings;
  return {
    write: withinDeadline(sink, async (batch, context) => {
      const opened = await orSinkError(open(context));
      if (opened instanceof SinkError) return batch.map((delivery) => failed(delivery, opened));
      const write = waveOf(settings, recent, opened);
      const results = await (routing === undefined
        ? write(batch, () => undefined, none)
        : writeRouted(batch, { sink, index, routing, write, request: opened.request }));
      if (results.some(isMissing)) check.forget();
      return results;
    }),
    dryRun: withinDeadline(sink, async (batch, context) => {
      const opened = await orSinkError(open(context));
      if (opened instanceof SinkError) return batch.map((delivery) => failed(delivery, opened));
      const { target, request, now } = opened;
      const { placed, results } =
        routing === undefined
          ? { placed: batch.map((delivery) => ({ delivery, routings: undefined })), results: [] }
          : await placeBatch(batch, { sink, index, routing, request });
      const routings = new Map<unknown, string | undefined>(placed.map((one) => [one.delivery, one.routings?.current]));
      const deliveries = placed.map(({ delivery }) => delivery);
      const routingOf: RoutingOf = (one) => routings.get(one);
      const encoding = { sink, maxBytes: limits.maxBytes, geoFields: target.geoFields, routingOf, now: now() };
      const encoded = encodeBatch(deliveries, encoding);
      return [...results, ...(await dryRunBatch(encoded, { sink, index, limits, request }))];
    }),
  };
};

/** Creates the methods by which other programs compare the index with the source. */
const readsOf = ({
  settings,
  open,
}: Environment): Pick<Required<OpensearchSink>, "read" | "canonical"> & Pick<OpensearchSink, "keys"> => {
  const { name: sink, index, limits, concurrency, routing, names, serverless } = settings;
  const started = (context: WriteContext): Promise<OpenTarget> => {
    if (context.signal.aborted) throw notStarted(sink);
    return open(context);
  };
  const keys: OpensearchSink["keys"] = async (asked, context) => {
    const { target, request } = await started(context);
    return listKeys({ sink, index, shards: target.shards, request }, asked);
  };
  return {
    read: async (batch, context) => {
      const { request } = await started(context);
      return readCopies(batch, { sink, index, routing, concurrency, request });
    },
    canonical: async (batch, context) => {
      const { target, request, now } = await started(context);
      const { geoFields, pipelines } = target;
      const encodeOptions = { sink, maxBytes: limits.maxBytes, geoFields, now: now() };
      return canonicalCopies(batch, { sink, index, routing, concurrency, request, names, pipelines, encodeOptions });
    },
    // Serverless gives each write the sequence number 0, so its documents have no order that lasts.
    ...(!serverless && { keys }),
  };
};

/**
 * Creates a sink that upserts documents behind an OpenSearch alias. A write never replaces a newer version. The first
 * write connects. @throws {ConfigError} CONFIG_INVALID when an option is invalid.
 * @example
 * const sink = opensearchSink({ node: "https://search.example.com", index: "orders" });
 * pipeline("orders", { deadLetterQueue }).to(sink, (change) => ({ total: change.after.total }));
 */
export const opensearchSink = (options: OpensearchSinkOptions): OpensearchSink => {
  const settings = checkOptions(options);
  const client = lazyOpensearch(settings);
  const environment = environmentOf(settings, client, Date.now);
  return Object.freeze<OpensearchSink>({
    name: settings.name,
    target: targetOf(settings),
    supports: Object.freeze({ writes: "upsert" }),
    ...writesOf(environment),
    ...readsOf(environment),
    map: ({ after }) => after as OpensearchDocument,
    ensure: async (ensureOptions = {}) => {
      checkOptionNames<EnsureOptions>("ensure", ensureOptions, { apply: true });
      return ensureIndex(await client.get(), settings, ensureOptions);
    },
    purge: async (purgeOptions = {}) => {
      checkOptionNames<PurgeOptions>("purge", purgeOptions, { olderThanDays: true });
      const { olderThanDays } = purgeOptions;
      const days = checkTombstoneDays("olderThanDays", olderThanDays);
      return purgeTombstones(await client.get(), settings, days, Date.now());
    },
    ...(!settings.serverless && {
      oldestTombstone: async (context: WriteContext) => oldestTombstone(await client.get(), settings, context),
    }),
    prepare: async () => void (await client.get()),
    close: client.close,
  });
};
