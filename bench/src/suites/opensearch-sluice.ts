// Sluice: the handler of a pipeline with one route, from parsed event to response.

import type { Client } from "@opensearch-project/opensearch";
import { pipeline } from "@sluice/core";
import { type OpensearchSink, opensearchSink } from "@sluice/sink-opensearch";
import { type MeasuredHandler, silent, takeAll } from "../pipeline-handler.ts";
import {
  dropIndex,
  indexSettings,
  mappings,
  type OpensearchEntrant,
  type OpensearchMaterial,
} from "./opensearch-entrant.ts";

const index = "sluice-bench-films";

/**
 * Creates a sink with its own empty index. Each round needs a new sink, because a sink remembers the changes that it
 * wrote. An old sink would treat the inserts of a later round as redelivered changes. The empty read makes the check of the
 * index, which a sink makes once in 30 s: otherwise one batch in three would pay for it.
 */
export const emptySink = async (client: Client, name: string): Promise<OpensearchSink> => {
  await dropIndex(client, name);
  const sink = opensearchSink({ client, index: name, mappings, settings: indexSettings });
  await sink.ensure();
  await sink.read?.([], { signal: new AbortController().signal, remainingMs: () => Number.POSITIVE_INFINITY });
  return sink;
};

const handlerOf = (sink: OpensearchSink): MeasuredHandler =>
  pipeline("films", { onReject: "block", logger: silent }).to(sink).handler();

/** The contender with one execution environment for all mixes. Its sink remembers the earlier writes. */
export const sluiceIndex = (client: Client, { events }: OpensearchMaterial): OpensearchEntrant => {
  let handler: MeasuredHandler;
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

/** The contender with a new execution environment for each mix. Its sink does not know the earlier writes. */
export const coldSluiceIndex = (client: Client, { events }: OpensearchMaterial): OpensearchEntrant => {
  const name = "sluice-cold";
  const own = "sluice-bench-cold";
  let handler: MeasuredHandler;
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
