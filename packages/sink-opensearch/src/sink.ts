// The factory: options in, a sink out. Nothing connects before the first write.

import {
  DeadlineError,
  failed,
  type LiveChange,
  type MappedSink,
  type UpsertDelivery,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import type { BulkItem } from "./classify.ts";
import { ask, type OpensearchClient, type OwnClient, openClient } from "./client/client.ts";
import { type Entry, encodeAll } from "./encode.ts";
import { checkOptions, type OpensearchSinkOptions, type Settings } from "./options.ts";
import { type EnsureOptions, ensureIndex } from "./schema/ensure.ts";
import { type PurgeOptions, purgeTombstones } from "./schema/purge.ts";
import { filterPath, writeBatch } from "./write/bulk.ts";
import { peekBatch } from "./write/dry-run.ts";
import { recentWrites, type Written } from "./write/recent-writes.ts";

/**
 * A document as a mapper returns it: any object but an array. It replaces the item's document, so that a field which it
 * does not name is gone. `Set`s become arrays in a stable order, bytes base64, exact numbers text.
 */
export type OpensearchDocument = object;

/** Keeps the documents behind one alias equal to the items that are mapped to it. */
export interface OpensearchSink extends MappedSink<OpensearchDocument, "upsert"> {
  /** Without a mapper of yours: the whole item, its attributes as fields. */
  readonly map: MappedSink<OpensearchDocument, "upsert">["map"];
  /**
   * Creates what is missing: index, alias with its filter, fields. Returns the requests as text; none when all is there.
   * @throws {ConfigError} CONFIG_INVALID when what exists contradicts the options
   * @throws {SinkError} when the server refuses or does not answer
   */
  readonly ensure: (options?: EnsureOptions) => Promise<readonly string[]>;
  /**
   * Removes tombstones that no repeat can reach any more, and returns how many there were. Run it daily.
   * @throws {ConfigError} CONFIG_INVALID when the horizon is too short, and on Serverless
   * @throws {SinkError} when the server refuses or does not answer
   */
  readonly purge: (options?: PurgeOptions) => Promise<number>;
  /** Closes the client that the sink made; a client of your own stays open. */
  readonly close: () => Promise<void>;
}

/** The sink's client: the user's own, or one that is made at first use. */
interface Clients {
  readonly open: () => Promise<OpensearchClient>;
  readonly close: () => Promise<void>;
}

const clientsOf = ({ source }: Settings): Clients => {
  if ("client" in source) return { open: async () => source.client, close: async () => undefined };
  let opened: Promise<OwnClient> | undefined;
  return {
    open: () => {
      opened ??= openClient(source.settings);
      return opened;
    },
    close: async () => {
      const closing = opened;
      opened = undefined;
      await (await closing)?.close();
    },
  };
};

/** Serverless documents no condition on a write's place: there only the version is remembered. */
const writtenBy = ({ serverless }: Settings, { delivery }: Entry, item: BulkItem): Written => {
  const { result, _seq_no: seqNo, _primary_term: primaryTerm } = item;
  const { version } = delivery.change;
  return serverless || result === "noop" || seqNo === undefined || primaryTerm === undefined
    ? { version }
    : { version, place: { seqNo, primaryTerm } };
};

type Call = (batch: readonly UpsertDelivery<object>[], context: WriteContext) => Promise<readonly WriteResult[]>;

const timely =
  (name: string, call: Call): Call =>
  async (batch, context) => {
    if (batch.length === 0) return [];
    if (!context.signal.aborted) return call(batch, context);
    const message = `[${name}] the invocation's time was over before the write was started`;
    return batch.map((delivery) => failed(delivery, new DeadlineError("DEADLINE_EXCEEDED", message)));
  };

const makeCalls = (settings: Settings, clients: Clients, now: () => number): { write: Call; dryRun: Call } => {
  const { name, index, limits, concurrency, timeoutMs } = settings;
  const recent = recentWrites();
  const encodeByScript = (batch: readonly UpsertDelivery<object>[]) => encodeAll(batch, { sink: name, now: now() });
  const request = {
    method: "POST",
    path: `/${encodeURIComponent(index)}/_bulk`,
    querystring: `require_alias=true&filter_path=${filterPath}`,
  };
  const write: Call = async (batch, context) => {
    const client = await clients.open();
    return writeBatch(batch, {
      sink: name,
      limits,
      concurrency,
      encode: (slice) => encodeAll(slice, { sink: name, recent, now: now() }),
      encodeByScript,
      send: (bulkBody) => ask(client, { ...request, bulkBody }, { sink: name, context, timeoutMs }),
      signal: context.signal,
      remember: (entry, item) => recent.add(entry.idText, writtenBy(settings, entry, item)),
    });
  };
  const dryRun: Call = async (batch, context) => {
    const client = await clients.open();
    const asking = { sink: name, context, timeoutMs };
    return peekBatch(encodeByScript(batch), { sink: name, index, limits, ask: (asked) => ask(client, asked, asking) });
  };
  return { write: timely(name, write), dryRun: timely(name, dryRun) };
};

/**
 * A sink that upserts documents behind one OpenSearch alias, guarded by the version of the change.
 * @throws {ConfigError} CONFIG_INVALID, which names the option
 * @example
 * const sink = opensearchSink({ node: "https://search.example.com", index: "orders" });
 * pipeline("orders", { deadLetterQueue }).to(sink, (change) => ({ total: change.after.total }));
 */
export const opensearchSink = (options: OpensearchSinkOptions): OpensearchSink => {
  const settings = checkOptions(options);
  const clients = clientsOf(settings);
  return Object.freeze({
    name: settings.name,
    supports: Object.freeze({ writes: "upsert" as const }),
    ...makeCalls(settings, clients, Date.now),
    map: (change: LiveChange<unknown>) => change.after as OpensearchDocument,
    ensure: async (ensureOptions?: EnsureOptions) => ensureIndex(await clients.open(), settings, ensureOptions),
    purge: async (purgeOptions: PurgeOptions = {}) =>
      purgeTombstones(await clients.open(), settings, purgeOptions, Date.now()),
    close: clients.close,
  });
};
