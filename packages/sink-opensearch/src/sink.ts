// Creates the sink from its options. The sink connects at its first write.

import {
  checkTombstoneDays,
  type LazyClient,
  lazyClient,
  type Maintenance,
  type MappedSink,
  objectNumber,
  type UpsertDelivery,
  withinDeadline,
} from "@sluice/core/sink-kit";
import type { BulkItem } from "./classify.ts";
import { type ClosableClient, type OpensearchClient, openClient } from "./client/client.ts";
import { requestBody, sendRequest } from "./client/request.ts";
import { type BulkEntry, encodeBatch } from "./encode.ts";
import { checkOptions, type OpensearchSettings, type OpensearchSinkOptions } from "./options.ts";
import { ensureIndex } from "./schema/ensure.ts";
import { purgeTombstones } from "./schema/purge.ts";
import { filterPath } from "./write/answer.ts";
import { writeBatch } from "./write/bulk.ts";
import { dryRunBatch } from "./write/dry-run.ts";
import { type RecentWrite, recentWrites } from "./write/recent-writes.ts";

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

/** Creates `write` and `dryRun`. */
const writesOf = (
  settings: OpensearchSettings,
  client: LazyClient<OpensearchClient>,
  now: () => number,
): Pick<Required<OpensearchSink>, "write" | "dryRun"> => {
  const { name: sink, index, limits, concurrency, timeoutMs } = settings;
  const limit = { sink, maxBytes: limits.maxBytes };
  const recent = recentWrites();
  const encodeByScript = (batch: readonly UpsertDelivery<object>[]) => encodeBatch(batch, { ...limit, now: now() });
  const bulkRequest = {
    method: "POST",
    path: `/${encodeURIComponent(index)}/_bulk`,
    querystring: `require_alias=true&filter_path=${filterPath}`,
  };
  return {
    write: withinDeadline(sink, async (batch, context) => {
      const opened = await client.get();
      return writeBatch(batch, {
        sink,
        limits,
        concurrency,
        encode: (slice) => encodeBatch(slice, { ...limit, recent, now: now() }),
        encodeByScript,
        encodeLast: (deliveries) => encodeBatch(deliveries, { ...limit, isLast: true, now: now() }),
        send: (bulkBody) => sendRequest(opened, { ...bulkRequest, bulkBody }, { sink, context, timeoutMs }),
        signal: context.signal,
        remember: (entry, item) => recent.add(entry.idText, writeOf(settings, entry, item)),
      });
    }),
    dryRun: withinDeadline(sink, async (batch, context) => {
      const opened = await client.get();
      const request = (params: Parameters<typeof requestBody>[1]) =>
        requestBody(opened, params, { sink, context, timeoutMs });
      return dryRunBatch(encodeByScript(batch), { sink, index, limits, request });
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
    ensure: async (ensureOptions) => ensureIndex(await client.get(), settings, ensureOptions),
    purge: async ({ olderThanDays } = {}) => {
      const days = checkTombstoneDays("olderThanDays", olderThanDays);
      return purgeTombstones(await client.get(), settings, days, Date.now());
    },
    close: client.close,
  });
};
