// Reads the answer to a bulk request. Finds the result of each entry, and what must be sent again.

import {
  delivered,
  failed,
  isRecord,
  SinkError,
  superseded,
  type UpsertDelivery,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { type BulkItem, droppedItem, itemError, type UnclearFailure, unclearItem } from "../classify.ts";
import type { Action, BulkEntry } from "../encode.ts";

/** The members of the answer that the sink reads. OpenSearch omits all others. */
export const filterPath: string = [
  ...["status", "result", "_id", "_seq_no", "_primary_term"],
  ...["error.type", "error.reason", "error.caused_by.type", "error.shard"],
]
  .map((path) => `items.*.${path}`)
  .join();

/** A failed delivery for which the document or the target may be at fault. */
export interface Suspect extends UnclearFailure {
  readonly delivery: UpsertDelivery<object>;
  /** Whether an ingest pipeline refused the document, before it reached its shard. */
  readonly isPipeline: boolean;
}

/** What an answer says about the entries of its request. */
export interface ReadAnswer {
  readonly results: readonly WriteResult[];
  /** Deliveries that must be sent again with the script, because the document was not in the expected state. */
  readonly undecided: readonly UpsertDelivery<object>[];
  /** Deliveries that are sent once more, because it is unclear if the document or the target is at fault. */
  readonly again: readonly UpsertDelivery<object>[];
  /** Entries for which the failure is still unclear after the last attempt. */
  readonly suspects: readonly Suspect[];
  /** Entries whose failures the answer does not tell apart. */
  readonly mixedUp: readonly BulkEntry[];
  /** Entries that the target took, or as whose item the target already has as new a document. */
  readonly taken: readonly (readonly [entry: BulkEntry, item: BulkItem])[];
}

type ItemsByAction = { readonly [action: string]: BulkItem | undefined };

/** One entry's result in the answer. */
interface NamedItem {
  readonly action: string;
  readonly item: BulkItem;
}

const namedItem = (items: unknown): NamedItem | undefined => {
  if (!isRecord(items)) return undefined;
  const [[action, item] = []] = Object.entries(items as ItemsByAction);
  return action !== undefined && isRecord(item) ? { action, item: item as unknown as BulkItem } : undefined;
};

/** Returns the items of the answer; undefined if the body is not the answer to a bulk request. */
export const itemsIn = (body: unknown): readonly unknown[] | undefined =>
  isRecord(body) && Array.isArray(body.items) ? body.items : undefined;

/**
 * Returns each entry's item. If an ingest pipeline refuses documents, OpenSearch lists the refused documents in another
 * order than the request, so their items are found by `_id`. Items without an id stay in order.
 */
const itemsInOrder = (part: readonly BulkEntry[], items: readonly unknown[]): readonly (NamedItem | undefined)[] => {
  const named = items.map(namedItem);
  if (named.every((one, index) => one?.item._id == null || one.item._id === part[index]?.id)) return named;
  const ids = new Set(part.map(({ id }) => id));
  const byId = new Map(named.flatMap((one) => (typeof one?.item._id === "string" ? [[one.item._id, one]] : [])));
  const others = named.filter((one) => typeof one?.item._id !== "string" || !ids.has(one.item._id));
  return part.map(({ id }) => byId.get(id) ?? others.shift());
};

/** A script is sent as an `update`, so its result is under `update`. */
const sentAs = (action: Action): string => (action === "check" || action === "update-existing" ? "update" : action);

/** Whether OpenSearch answers as if the entry were the member `upsert` of an update, which a pipeline refused. */
const isRefusedUpsert = ({ action }: BulkEntry, named: NamedItem): boolean =>
  action === "update" && named.action === "index";

/** Whether the entry must be sent again with the script, because the document was not in the expected state. */
const isUndecided = (action: Action, { status, result }: BulkItem): boolean => {
  if (action === "check") return status === 404 || status === 409 || (status === 200 && result !== "noop");
  return status === 409 && (action === "create" || action === "index");
};

const isMissingDocument = ({ status, error }: BulkItem): boolean =>
  status === 404 && error?.type === "document_missing_exception";

const isTaken = ({ status }: BulkItem): boolean => status === 200 || status === 201;

/** Whether an ingest pipeline dropped the document. Only a script leaves a document unchanged by itself. */
const isDropped = (entry: BulkEntry, { action, item }: NamedItem): boolean =>
  isTaken(item) &&
  item.result === "noop" &&
  (action === "create" || action === "index" || isRefusedUpsert(entry, { action, item }));

type Finding =
  | { readonly result: WriteResult; readonly isTaken?: true }
  | { readonly unclear: UnclearFailure }
  | "undecided";

const findingOf = (sink: string, entry: BulkEntry, named: NamedItem | undefined): Finding => {
  const { delivery, action } = entry;
  if (named === undefined || (named.action !== sentAs(action) && !isRefusedUpsert(entry, named))) {
    const message = `[${sink}] the answer has no result for a document; expected an item of ${action}`;
    return { result: failed(delivery, new SinkError("SINK_UNREPORTED", message)) };
  }
  const { item } = named;
  if (isUndecided(action, item)) return "undecided";
  if (isDropped(entry, named)) return { unclear: droppedItem(sink) };
  if (isTaken(item)) {
    return { result: item.result === "noop" ? superseded(delivery) : delivered(delivery), isTaken: true };
  }
  if (action === "update-existing" && isMissingDocument(item)) return { result: superseded(delivery) };
  const unclear = action === "check" ? undefined : unclearItem(sink, item);
  return unclear === undefined ? { result: failed(delivery, itemError(sink, item)) } : { unclear };
};

/** Returns the entries whose items have no id, if these items differ: their order says nothing. */
const mixedUpIn = (part: readonly BulkEntry[], inOrder: readonly (NamedItem | undefined)[]): ReadonlySet<BulkEntry> => {
  const nameless = part.filter((_, index) => inOrder[index]?.item._id === null);
  const kinds = new Set(
    inOrder.flatMap((one) => (one?.item._id === null ? [`${one.item.status} ${one.item.error?.type}`] : [])),
  );
  return new Set(kinds.size > 1 ? nameless : []);
};

/** Reads the answer to a request. `items` has as many items as the request has entries. */
export const readItems = (sink: string, part: readonly BulkEntry[], items: readonly unknown[]): ReadAnswer => {
  const inOrder = itemsInOrder(part, items);
  const mixedUp = mixedUpIn(part, inOrder);
  const results: WriteResult[] = [];
  const undecided: UpsertDelivery<object>[] = [];
  const again: UpsertDelivery<object>[] = [];
  const suspects: Suspect[] = [];
  const taken: (readonly [BulkEntry, BulkItem])[] = [];
  for (const [index, entry] of part.entries()) {
    if (mixedUp.has(entry)) continue;
    const named = inOrder[index];
    const finding = findingOf(sink, entry, named);
    if (finding === "undecided") undecided.push(entry.delivery);
    else if ("result" in finding) {
      results.push(finding.result);
      if (finding.isTaken && named !== undefined) taken.push([entry, named.item]);
    } else if (entry.isLast) {
      const isPipeline = named !== undefined && isRefusedUpsert(entry, named);
      suspects.push({ delivery: entry.delivery, isPipeline, ...finding.unclear });
    } else again.push(entry.delivery);
  }
  return { results, undecided, again, suspects, mixedUp: [...mixedUp], taken };
};
