// Sluice: the handler of a pipeline with one route, from parsed event to answer.

import type { Client } from "@opensearch-project/opensearch";
import { pipeline } from "@sluice/core";
import { type OpensearchSink, opensearchSink } from "@sluice/sink-opensearch";
import { type Handler, silent, takeAll } from "../pipeline-handler.ts";
import { dropIndex, type Entrant, indexSettings, type Material, mappings } from "./opensearch-entrant.ts";

const index = "sluice-bench-films";

/**
 * A sink with an index of its own, empty. It is made anew for each round: it remembers the changes that it wrote, and
 * would take a later round's inserts for repeated ones.
 */
export const emptySink = async (client: Client, name: string): Promise<OpensearchSink> => {
  await dropIndex(client, name);
  const sink = opensearchSink({ client, index: name, mappings, settings: indexSettings });
  await sink.ensure();
  return sink;
};

const handlerOf = (sink: OpensearchSink): Handler =>
  pipeline("films", { onReject: "block", logger: silent }).to(sink).handler();

/** One environment of Lambda for all mixes: it remembers what it wrote. */
export const sluiceIndex = (client: Client, { events }: Material): Entrant => {
  let handler: Handler;
  return {
    name: "sluice",
    index,
    reset: async () => {
      handler = handlerOf(await emptySink(client, index));
    },
    prepare: (mix, batch) => {
      const event: unknown = JSON.parse(events[mix][batch] ?? "");
      return () => takeAll("sluice", handler, event);
    },
  };
};

/** An environment of its own for each mix: none has written what it finds. */
export const coldSluiceIndex = (client: Client, { events }: Material): Entrant => {
  const name = "sluice-cold";
  const own = "sluice-bench-cold";
  let handler: Handler;
  return {
    name,
    index: own,
    reset: async () => {
      await emptySink(client, own);
    },
    prepare: (mix, batch) => {
      if (batch === 0) handler = handlerOf(opensearchSink({ client, index: own }));
      const event: unknown = JSON.parse(events[mix][batch] ?? "");
      return () => takeAll(name, handler, event);
    },
  };
};
