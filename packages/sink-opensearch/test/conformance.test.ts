import { describe, test } from "@jest/globals";
import type { Delivery, UpsertDelivery } from "@sluice/core/sink-kit";
import { conforms } from "@sluice/testing";
import { encode } from "../src/encode.ts";
import { type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import type { RoutingOf } from "../src/write/routing.ts";
import { openRig } from "./support/rig.ts";
import { describeWithEachServer } from "./support/servers.ts";

const limits = { maxEntries: 40, maxBytes: 60_000 };

const sizeBy =
  (routingOf: RoutingOf) =>
  (delivery: Delivery): number => {
    const options = { sink: "kit", recent: { get: () => undefined }, now: 0, routingOf };
    return encode(delivery as UpsertDelivery<object>, options).bytes;
  };

const node = "http://127.0.0.1:9";
const wrong = (options: Partial<OpensearchSinkOptions>) => () => opensearchSink({ node, index: "items", ...options });

/** A routing that changes with each change of an item, so that documents move. */
const routing = ({ revision }: { readonly revision?: unknown }): string => `place-${String(revision)}`;

await describeWithEachServer("the OpenSearch sink", ({ url }) => {
  for (const [name, options, routingOf] of [
    ["by _id", {}, () => undefined],
    ["that changes", { routing }, ({ change }: UpsertDelivery<object>) => routing(change.after ?? {})],
  ] as const) {
    describe(`with a routing ${name}`, () => {
      const maxBytes = { total: limits.maxBytes, sizeOf: sizeBy(routingOf) };
      conforms(
        { describe, test },
        {
          writes: "upsert",
          limits: { maxEntries: limits.maxEntries, maxBytes },
          badOptions: {
            index: wrong({ index: "Items" }),
            node: wrong({ node: "here" }),
            maxBytes: wrong({ maxBytes: 0 }),
          },
          open: () => openRig(url, { ...limits, ...options }),
        },
      );
    });
  }
});
