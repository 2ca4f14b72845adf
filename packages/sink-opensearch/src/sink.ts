// Creates the sink from its options. The sink connects at its first write.

import {
  checkOptionNames,
  checkTombstoneDays,
  type EnsureOptions,
  encodeEach,
  failed,
  type LazyClient,
  lazyClient,
  type Maintenance,
  type MappedSink,
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
import { ensureIndex } from "./schema/ensure.ts";
import { purgeTombstones } from "./schema/purge.ts";
import { type TargetIndex, targetCheck } from "./schema/target-index.ts";
import { filterPath } from "./write/answer.ts";
import { writeBatch } from "./write/bulk.ts";
import { dryRunBatch } from "./write/dry-run.ts";
import { type RecentWrite, type RecentWrites, recentWrites } from "./write/recent-writes.ts";
import { type OpensearchRouting, routingsOf } from "./write/routing.ts";
import type { SendRequest } from "./write/stored-states.ts";
import { writeKnown } from "./write/write-known.ts";
import { type WriteWave, writeRouted } from "./write/write-routed.ts";

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
  const written = { version: delivery.change.version, mayBeTombstone: delivery.message === undefined };
  return serverless || result === "noop" || seqNo === undefined || primaryTerm === undefined
    ? written
    : { ...written, sequenceNumber: { seqNo, primaryTerm } };
};

/** Identifies the alias. The URL of the node contains no credentials, because the options have moved them to `auth`. */
const targetOf = ({ source, index }: OpensearchSettings): string =>
  `opensearch ${"settings" in source ? source.settings.node : `client ${objectNumber(source.client)}`} ${index}`;

type Deliveries = readonly UpsertDelivery<object>[];

/** Creates the function that writes a batch of one routing for each delivery. */
const waveOf = (
  settings: OpensearchSettings,
  recent: RecentWrites,
  { opened, target, context, now }: OpenTarget,
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
  const request: SendRequest = (params) => requestBody(opened, params, requestOptions);
  return async (batch, routingOf, mayMove) => {
    const encoding = { sink, maxBytes: limits.maxBytes, geoFields: target.geoFields, routingOf, now: now() };
    const isKnown = (delivery: UpsertDelivery<object>): boolean =>
      delivery.message !== undefined && (target.hasPipelines || mayMove.has(delivery));
    const byScript = target.hasPipelines || mayMove.size > 0 ? batch.filter((one) => !isKnown(one)) : batch;
    const usual = target.hasPipelines ? encoding : { ...encoding, recent };
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

/** What one call of `write` needs. */
interface OpenTarget {
  readonly opened: OpensearchClient;
  readonly target: TargetIndex;
  readonly context: WriteContext;
  readonly now: () => number;
}

const none: ReadonlySet<UpsertDelivery<object>> = new Set();

const isMissing = (result: WriteResult): boolean => result.outcome === "failed" && result.error.code === "SINK_MISSING";

/** Returns the routing of each delivery whose routing is known, and the results of the others. */
const placesOf = (sink: string, routing: OpensearchRouting, batch: Deliveries) =>
  encodeEach(batch, (delivery) => [delivery, routingsOf(sink, routing, delivery).current] as const);

/** Creates `write` and `dryRun`. */
const writesOf = (
  settings: OpensearchSettings,
  client: LazyClient<OpensearchClient>,
  now: () => number,
): Pick<Required<OpensearchSink>, "write" | "dryRun"> => {
  const { name: sink, index, limits, timeoutMs, routing, names } = settings;
  const recent = recentWrites();
  const check = targetCheck(settings, now, recent.clear);
  const checkedTarget = (opened: OpensearchClient, context: WriteContext): Promise<TargetIndex | SinkError> =>
    orSinkError(check.get(opened, context));
  return {
    write: withinDeadline(sink, async (batch, context) => {
      const opened = await client.get();
      const target = await checkedTarget(opened, context);
      if (target instanceof SinkError) return batch.map((delivery) => failed(delivery, target));
      const write = waveOf(settings, recent, { opened, target, context, now });
      const results = await (routing === undefined
        ? write(batch, () => undefined, none)
        : writeRouted(batch, { sink, routing, write }));
      if (results.some(isMissing)) check.forget();
      return results;
    }),
    dryRun: withinDeadline(sink, async (batch, context) => {
      const opened = await client.get();
      const target = await checkedTarget(opened, context);
      if (target instanceof SinkError) return batch.map((delivery) => failed(delivery, target));
      const { geoFields } = target;
      const { entries, results } =
        routing === undefined
          ? { entries: batch.map((delivery) => [delivery, undefined] as const), results: [] }
          : placesOf(sink, routing, batch);
      const routings = new Map<unknown, string | undefined>(entries);
      const encoded = encodeBatch(
        entries.map(([delivery]) => delivery),
        { sink, maxBytes: limits.maxBytes, geoFields, routingOf: (one) => routings.get(one), now: now() },
      );
      const request: SendRequest = (params) => requestBody(opened, params, { sink, context, timeoutMs, names });
      return [...results, ...(await dryRunBatch(encoded, { sink, index, limits, request }))];
    }),
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
  return Object.freeze<OpensearchSink>({
    name: settings.name,
    target: targetOf(settings),
    supports: Object.freeze({ writes: "upsert" }),
    ...writesOf(settings, client, Date.now),
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
    close: client.close,
  });
};
