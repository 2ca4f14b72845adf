import { describe, test } from "@jest/globals";
import type { Delivery, UpsertDelivery } from "@sluice/core/sink-kit";
import { conforms } from "@sluice/testing";
import { encode } from "../src/encode.ts";
import { type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { openRig } from "./support/rig.ts";
import { describeWithEachServer } from "./support/servers.ts";

const limits = { maxEntries: 40, maxBytes: 60_000 };

const sizeOf = (delivery: Delivery): number =>
  encode(delivery as UpsertDelivery<object>, { sink: "kit", recent: { get: () => undefined }, now: 0 }).bytes;

const node = "http://127.0.0.1:9";
const wrong = (options: Partial<OpensearchSinkOptions>) => () => opensearchSink({ node, index: "items", ...options });

/** A routing that changes with each change of an item, so that documents move. */
const routing = ({ revision }: { readonly revision?: unknown }): string => `place-${String(revision)}`;

await describeWithEachServer("the OpenSearch sink", ({ url }) => {
  describe("with a routing that changes", () => {
    conforms({ describe, test }, { writes: "upsert", open: () => openRig(url, { routing }) });
  });

  conforms(
    { describe, test },
    {
      writes: "upsert",
      limits: { maxEntries: limits.maxEntries, maxBytes: { total: limits.maxBytes, sizeOf } },
      badOptions: { index: wrong({ index: "Items" }), node: wrong({ node: "here" }), maxBytes: wrong({ maxBytes: 0 }) },
      open: () => openRig(url, limits),
    },
  );
});
