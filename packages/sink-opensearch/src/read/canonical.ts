// Tells what documents would be in the index after a write, for the comparison of the index with the source.

import {
  type CopyContent,
  type DeliveryError,
  encodeEach,
  isRecord,
  rejected,
  SinkError,
  type UpsertDelivery,
} from "@sluice/core/sink-kit";
import { itemError, type ServerError } from "../classify.ts";
import { type EncodeOptions, encode } from "../encode.ts";
import type { FieldNames } from "../write/reason.ts";
import { knownRouting } from "../write/routing.ts";
import { contentOf, withRoutings } from "./content.ts";
import type { ReadTarget } from "./copies.ts";

/** What decides on the documents. */
export interface CanonicalTarget extends ReadTarget {
  /** The names of fields that an error may show. */
  readonly names: FieldNames;
  /** The ingest pipelines that change a document, in their order. */
  readonly pipelines: readonly string[];
  readonly encodeOptions: EncodeOptions;
}

type Documents = readonly UpsertDelivery<object>[];

interface Encoded {
  readonly delivery: UpsertDelivery<object>;
  readonly id: string;
  readonly routing: string | undefined;
  /** The document with its guard, as JSON text or as parsed JSON. */
  readonly document: string | object;
}

const encodeOne = ({ sink, routing, encodeOptions }: CanonicalTarget, delivery: UpsertDelivery<object>): Encoded => {
  const known = routing === undefined ? undefined : knownRouting(sink, routing, delivery);
  // With `known`, the action is `create`: its second line is the document.
  const options = { ...encodeOptions, known: new Map(), routingOf: () => known?.routing };
  const { id, lines } = encode(delivery, options);
  return { delivery, id, routing: known?.routing, document: lines.slice(lines.indexOf("\n") + 1, -1) };
};

const textIn = ({ document }: Encoded): string => (typeof document === "string" ? document : JSON.stringify(document));

/** One result of a simulation. */
interface Simulated {
  readonly doc?: { readonly _source?: unknown };
  readonly error?: ServerError;
}

const afterPipeline = ({ sink, names }: CanonicalTarget, one: Encoded, result: unknown): Encoded | DeliveryError => {
  const { doc, error }: Simulated = isRecord(result) ? result : {};
  if (error !== undefined) return itemError(sink, { status: 400, error }, names);
  if (!isRecord(doc) || !isRecord(doc._source)) return rejected(sink, "an ingest pipeline dropped the document");
  return { ...one, document: doc._source };
};

/** Passes documents through an ingest pipeline, which writes nothing. */
const simulate = async (
  target: CanonicalTarget,
  pipeline: string,
  encoded: readonly Encoded[],
): Promise<readonly (Encoded | DeliveryError)[]> => {
  const docs = encoded.map((one) => {
    const routing = one.routing === undefined ? "" : `,"_routing":${JSON.stringify(one.routing)}`;
    const place = `"_index":${JSON.stringify(target.index)},"_id":${JSON.stringify(one.id)}${routing}`;
    return `{${place},"_source":${textIn(one)}}`;
  });
  const path = `/_ingest/pipeline/${encodeURIComponent(pipeline)}/_simulate`;
  const answer = await target.request({ method: "POST", path, body: `{"docs":[${docs.join()}]}` });
  const results: unknown = isRecord(answer) ? answer.docs : undefined;
  if (Array.isArray(results) && results.length === encoded.length) {
    return encoded.map((one, at) => afterPipeline(target, one, results[at]));
  }
  throw new SinkError(
    "SINK_UNAVAILABLE",
    `[${target.sink}] the simulation of a pipeline has not ${docs.length} results`,
  );
};

const isError = (one: Encoded | DeliveryError): one is DeliveryError => "code" in one;

/** Passes documents through all pipelines. Adds the error of each document that a pipeline refuses to `found`. */
const throughPipelines = async (
  target: CanonicalTarget,
  encoded: readonly Encoded[],
  found: Map<unknown, CopyContent | DeliveryError>,
): Promise<readonly Encoded[]> => {
  let left = encoded;
  for (const pipeline of target.pipelines) {
    if (left.length === 0) break;
    const next: Encoded[] = [];
    for (const [at, one] of (await simulate(target, pipeline, left)).entries()) {
      if (isError(one)) found.set(left[at]?.delivery, one);
      else next.push(one);
    }
    left = next;
  }
  return left;
};

/** Returns the content of each document after a write, or the error with which the write would fail. */
export const canonicalCopies = async (
  batch: Documents,
  target: CanonicalTarget,
): Promise<readonly (CopyContent | DeliveryError)[]> => {
  const { entries, results } = encodeEach(batch, (delivery) => encodeOne(target, delivery));
  const found = new Map<unknown, CopyContent | DeliveryError>();
  for (const result of results) if (result.outcome === "failed") found.set(result.delivery, result.error);
  for (const { delivery, routing, document } of await throughPipelines(target, entries, found)) {
    const content = contentOf(typeof document === "string" ? (JSON.parse(document) as object) : document);
    found.set(delivery, target.routing === undefined ? content : withRoutings(content, [routing]));
  }
  return batch.map((delivery) => found.get(delivery) ?? {});
};
