// What a change means to a route, asked of the route itself.

import { type Effect, effectOf, type Route } from "../src/delivery/route.ts";
import { decodeRecord, type Mapper, type StreamRecord, type UnknownItem } from "../src/sink-kit.ts";
import { scriptedSink } from "./scripted-sink.ts";

export interface Asked {
  readonly writes?: "upsert" | "append";
  readonly map?: Mapper<UnknownItem, unknown, "append">;
  readonly predicate?: (item: UnknownItem) => boolean;
  readonly schema?: Route["schema"];
  readonly mapsItself?: boolean;
}

/** The effect of a record on a route with these parts. The mapper's default is the revision after the change. */
export const effectOn = (record: StreamRecord, asked: Asked = {}): Effect => {
  const { writes = "upsert", map = (change) => change.after?.revision, mapsItself = false } = asked;
  const route: Route = {
    name: "r",
    sink: scriptedSink({ writes }) as never,
    map: map as Route["map"],
    mapsItself,
    predicate: asked.predicate as Route["predicate"],
    schema: asked.schema,
    dedupe: "none",
    origins: new Set(["stream"]),
    retryIn: "stream" as const,
  };
  return effectOf(route, decodeRecord(record, "stream", asked.schema));
};

/** `write`, `remove`, `none`, or the code of a rejection. */
export const told = (effect: Effect): string => (effect.kind === "reject" ? effect.error.code : effect.kind);
