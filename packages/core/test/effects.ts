// Finds out what a route would write for a record.

import { type Effect, effectOf, type Route, type SharedRoute } from "../src/delivery/route.ts";
import { decodeRecord, type Mapper, type StreamRecord, type UnknownItem } from "../src/sink-kit.ts";
import { scriptedSink } from "./scripted-sink.ts";

export interface RouteParts {
  readonly writes?: "upsert" | "append";
  readonly map?: Mapper<UnknownItem, unknown, "append">;
  readonly predicate?: (item: UnknownItem) => boolean;
  readonly schema?: Route["schema"];
  readonly mapsItself?: boolean;
  readonly removesUnmatched?: boolean;
}

/** What a route with these parts would do with a record. By default, the mapper returns the item's new revision. */
export const effectOn = (record: StreamRecord, parts: RouteParts = {}): Effect => {
  const { writes = "upsert", map = (change) => change.after?.revision, mapsItself = false } = parts;
  const route: SharedRoute = {
    name: "r",
    idSuffix: ":p:r",
    removesUnmatched: parts.removesUnmatched ?? false,
    referenceWaits: { inQueue: 900_000, inStream: 60_000 },
    tombstones: "always",
    removals: { byTtl: "delete", otherwise: "delete" },
    others: [],
    before: [],
    sink: scriptedSink({ writes }) as never,
    map: map as Route["map"],
    mapsItself,
    predicate: parts.predicate as Route["predicate"],
    accepts: undefined,
    schema: parts.schema,
    dedupe: "none",
    origins: new Set(["stream"]),
    retryIn: "stream" as const,
  };
  return effectOf(route, decodeRecord(record, "stream", parts.schema));
};

/** Returns `write`, `remove`, `precaution` or `none`, or the error code if the record is rejected. */
export const effectName = (effect: Effect): string => {
  if (effect.kind === "reject") return effect.error.code;
  return effect.kind === "remove" && effect.copy === "unlikely" ? "precaution" : effect.kind;
};
