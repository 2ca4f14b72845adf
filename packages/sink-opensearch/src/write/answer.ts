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
import type { FieldNames } from "./reason.ts";

/** The members of the answer that the sink reads. OpenSearch omits all others. */
export const filterPath: string = [
  ...["status", "result", "_id", "_seq_no", "_primary_term"],
  ...["error.type", "error.reason", "error.caused_by.type", "error.caused_by.reason", "error.shard"],
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

/** One entry's result in the answer. The member's name is the action. */
type ItemsByAction = { readonly [action: string]: BulkItem | undefined };

/** The result of an entry. */
interface EntryItem {
  readonly item: BulkItem;
  /** OpenSearch answers as if the member `upsert` of an update were an entry, which an ingest pipeline refused. */
  readonly isRefusedUpsert: boolean;
}

/** Returns the items of the answer; undefined if the body is not the answer to a bulk request. */
export const itemsIn = (body: unknown): readonly unknown[] | undefined =>
  isRecord(body) && Array.isArray(body.items) ? body.items : undefined;

/** The action in the request, which is the name of the result in the answer. */
const sentAs = (action: Action): string => (action === "create" || action === "index" ? action : "update");

/** Returns the item that has the name of the entry's action. */
const ownItem = ({ action }: BulkEntry, items: unknown): BulkItem | undefined => {
  const item = isRecord(items) ? (items as ItemsByAction)[sentAs(action)] : undefined;
  return isRecord(item) ? item : undefined;
};

const idOf = (items: unknown): string | null | undefined => {
  const [first] = isRecord(items) ? Object.values(items as ItemsByAction) : [];
  return first?._id;
};

/**
 * Returns each entry's items. If an ingest pipeline refuses documents, OpenSearch lists the refused documents in another
 * order than the request, so their items are found by `_id`. Items without an id stay in order.
 */
const itemsInOrder = (part: readonly BulkEntry[], items: readonly unknown[]): readonly unknown[] => {
  // In the usual answer every item is the entry's own. To find this out takes no arrays of each item's members.
  if (part.every((entry, index) => ownItem(entry, items[index])?._id === entry.id)) return items;
  const hasId = (one: unknown): boolean => typeof idOf(one) === "string";
  if (items.every((one, index) => !hasId(one) || idOf(one) === part[index]?.id)) return items;
  const byId = new Map(items.filter(hasId).map((one) => [idOf(one), one]));
  const ids = new Set<unknown>(part.map(({ id }) => id));
  const others = items.filter((one) => !ids.has(idOf(one)));
  return part.map(({ id }) => byId.get(id) ?? others.shift());
};

const entryItem = (entry: BulkEntry, items: unknown): EntryItem | undefined => {
  const item = ownItem(entry, items);
  if (item !== undefined) return { item, isRefusedUpsert: false };
  const refused = entry.action === "update" ? ownItem({ ...entry, action: "index" }, items) : undefined;
  return refused && { item: refused, isRefusedUpsert: true };
};

/** Whether the entry must be sent again with the script, because the document was not in the expected state. */
const isUndecided = (action: Action, { status, result }: BulkItem): boolean => {
  if (action === "exists") return status === 200 || status === 409;
  if (action === "check") return status === 404 || status === 409 || (status === 200 && result !== "noop");
  return status === 409 && (action === "create" || action === "index");
};

const isMissingDocument = ({ status, error }: BulkItem): boolean =>
  status === 404 && error?.type === "document_missing_exception";

const isTaken = ({ status }: BulkItem): boolean => status === 200 || status === 201;

/** Whether an ingest pipeline dropped the document. Only a script leaves a document unchanged by itself. */
const isDropped = (action: Action, { item, isRefusedUpsert }: EntryItem): boolean =>
  isTaken(item) && item.result === "noop" && (action === "create" || action === "index" || isRefusedUpsert);

type Finding =
  | { readonly result: WriteResult; readonly isTaken?: true }
  | { readonly suspect: Suspect }
  | "undecided"
  | "again";

/** Whose errors are created: the sink's name, and the names of fields that an error may show. */
interface ErrorSource {
  readonly sink: string;
  readonly names?: FieldNames;
}

const unclearOf = ({ sink, names }: ErrorSource, action: Action, found: EntryItem): UnclearFailure | undefined => {
  if (isDropped(action, found)) return droppedItem(sink);
  // These actions contain no document that could be at fault.
  return action === "check" || action === "exists" ? undefined : unclearItem(sink, found.item, names);
};

const findingOf = (
  source: ErrorSource,
  { delivery, action, isLast }: BulkEntry,
  found: EntryItem | undefined,
): Finding => {
  const { sink, names } = source;
  if (found === undefined) {
    const message = `[${sink}] the answer has no result for a document; expected an item of ${action}`;
    return { result: failed(delivery, new SinkError("SINK_UNREPORTED", message)) };
  }
  const { item } = found;
  if (isUndecided(action, item)) return "undecided";
  if (isTaken(item) && !isDropped(action, found)) {
    return { result: item.result === "noop" ? superseded(delivery) : delivered(delivery), isTaken: true };
  }
  if ((action === "exists" || action === "update-existing") && isMissingDocument(item))
    return { result: superseded(delivery) };
  const unclear = unclearOf(source, action, found);
  // The pipeline has refused an empty document, so even a clear error says nothing about this document.
  if (!isLast && (unclear !== undefined || found.isRefusedUpsert)) return "again";
  if (unclear === undefined) return { result: failed(delivery, itemError(sink, item, names)) };
  return { suspect: { delivery, isPipeline: found.isRefusedUpsert, ...unclear } };
};

/** Returns the entries whose items have no id, if these items differ: their order says nothing. */
const mixedUpIn = (part: readonly BulkEntry[], found: readonly (EntryItem | undefined)[]): ReadonlySet<BulkEntry> => {
  const isNameless = (one: EntryItem | undefined): boolean => one !== undefined && one.item._id === null;
  const kinds = new Set(found.filter(isNameless).map((one) => `${one?.item.status} ${one?.item.error?.type}`));
  return new Set(kinds.size > 1 ? part.filter((_, index) => isNameless(found[index])) : []);
};

/** Reads the answer to a request. `items` has as many items as the request has entries. */
export const readItems = (source: ErrorSource, part: readonly BulkEntry[], items: readonly unknown[]): ReadAnswer => {
  const inOrder = itemsInOrder(part, items);
  const found = part.map((entry, index) => entryItem(entry, inOrder[index]));
  const mixedUp = mixedUpIn(part, found);
  const results: WriteResult[] = [];
  const undecided: UpsertDelivery<object>[] = [];
  const again: UpsertDelivery<object>[] = [];
  const suspects: Suspect[] = [];
  const taken: (readonly [BulkEntry, BulkItem])[] = [];
  for (const [index, entry] of part.entries()) {
    if (mixedUp.has(entry)) continue;
    const own = found[index];
    const finding = findingOf(source, entry, own);
    if (finding === "undecided") undecided.push(entry.delivery);
    else if (finding === "again") again.push(entry.delivery);
    else if ("result" in finding) {
      results.push(finding.result);
      if (finding.isTaken && own !== undefined) taken.push([entry, own.item]);
    } else suspects.push(finding.suspect);
  }
  return { results, undecided, again, suspects, mixedUp: [...mixedUp], taken };
};
