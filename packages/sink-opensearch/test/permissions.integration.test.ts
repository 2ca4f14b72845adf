// The README lists a path for each request that the sink makes, and no other path. `openSearchAccess` of `@sluice/cdk` follows
// the README.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { streamChange, toImage } from "@sluice/testing";
import { permissionRows } from "../../../test/permission-rows.ts";
import { type OpensearchClient, type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { apiOf, newIndex } from "./support/api.ts";
import { allKeys, compare, originOf, repair, sourceOf } from "./support/compare.ts";
import { deliveryOf, newContext, outcomesOf } from "./support/outcomes.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachIngestServer } from "./support/servers.ts";

/** A pattern of IAM, in which `*` stands for any characters. */
const matches = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`).test(text);

/** Each `METHOD path` that the README lists for a use of this index. */
const listed = (use: string, index: string): readonly string[] =>
  permissionRows("sink-opensearch")
    .filter((row) => row.use === use)
    .flatMap(({ actions, on }) =>
      actions.flatMap((action) =>
        on.map((path) => `${action.replace("es:ESHttp", "").toUpperCase()} ${path.replaceAll("<index>", index)}`),
      ),
    );

const keyNames = ["pk"];
const keyTypes = { pk: "S" } as const;
const origin = originOf(keyNames);

await describeWithEachIngestServer("permissions", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(async () => {
    client = new Client({ node: url });
    const processors = [{ set: { field: "seen", value: true } }];
    expect((await api("PUT", "/_ingest/pipeline/permissions", { processors })).status).toBe(200);
  });

  afterAll(() => client.close());

  /** A client that notes each request, and an index for its sinks. */
  const record = () => {
    const requests = new Set<string>();
    const recording: OpensearchClient = {
      transport: {
        request: (params, options) => {
          requests.add(`${params.method} ${params.path.slice(1)}`);
          return client.transport.request(params, options);
        },
      },
    };
    return { requests, recording };
  };

  const expectListed = (use: string, index: string, requests: ReadonlySet<string>): void => {
    const patterns = listed(use, index);
    const denied = [...requests].filter((request) => !patterns.some((pattern) => matches(pattern, request)));
    const unused = patterns.filter((pattern) => ![...requests].some((request) => matches(pattern, request)));
    expect({ use, denied, unused }).toEqual({ use, denied: [], unused: [] });
  };

  const variants: readonly Partial<OpensearchSinkOptions>[] = [
    {},
    { routing: "at" },
    { settings: { ...testSettings, default_pipeline: "permissions" } },
    { routing: "at", settings: { ...testSettings, final_pipeline: "permissions" } },
  ];

  const [older, newer] = [
    { pk: "a", at: "one", n: 1 },
    { pk: "a", at: "two", n: 2 },
  ];

  test("of write and compare are for the requests of writes, dry runs, repairs, reads, forms and keys", async () => {
    const index = newIndex();
    const [writes, compares] = [record(), record()];
    for (const options of variants) {
      const all = { index, settings: testSettings, ...options };
      const owner = opensearchSink({ client, ...all });
      await owner.ensure();
      const writer = opensearchSink({ client: writes.recording, ...all });
      const reader = opensearchSink({ client: compares.recording, ...all });
      const insert = deliveryOf(streamChange({ keyNames, after: older, position: 1 }));
      const modify = deliveryOf(streamChange({ keyNames, before: older, after: newer, position: 2 }));
      const remove = deliveryOf(streamChange({ keyNames, before: newer, position: 4 }));
      const [predicted] = (await writer.dryRun?.([insert], newContext())) ?? [];
      expect(predicted?.outcome).toBe("delivered");
      expect(await outcomesOf(writer, [insert])).toEqual(["delivered"]);
      expect(await outcomesOf(writer, [modify])).toEqual(["delivered"]);
      const source = sourceOf(toImage(newer), keyNames);
      const { held, expected } = await compare(reader, origin, source);
      expect([held?.state, expected === undefined]).toEqual(["live", false]);
      expect(await allKeys(reader, keyTypes, { parts: 1, limit: 10 })).toHaveLength(1);
      expect(await repair(writer, origin, source, held)).toMatch(/delivered|superseded/);
      const gone = await repair(writer, origin, { keys: source.keys, item: undefined }, held);
      expect(gone).toMatch(/delivered|superseded/);
      expect(await outcomesOf(writer, [remove])).toHaveLength(1);
      await api("DELETE", `/${index}-000001`);
    }
    expectListed("write", index, writes.requests);
    expectListed("compare", index, compares.requests);
  });

  test("of ensure are for the requests that create and complete an index", async () => {
    const index = newIndex();
    const { requests, recording } = record();
    const sinkOf = (options: Partial<OpensearchSinkOptions>) =>
      opensearchSink({ client: recording, index, settings: testSettings, ...options });
    const kept = (texts: readonly string[]) => texts.map((text) => text.split(" ", 2).join(" "));
    expect(kept(await sinkOf({}).ensure())).toEqual([`PUT /${index}-000001`]);
    const mappings = { properties: { title: { type: "text" } } };
    expect(kept(await sinkOf({ mappings }).ensure())).toEqual([`PUT /${index}-000001/_mapping`]);
    const actions = [{ remove: { index: `${index}-000001`, alias: index } }];
    expect((await api("POST", "/_aliases", { actions })).status).toBe(200);
    expect(kept(await sinkOf({ mappings }).ensure())).toEqual(["POST /_aliases"]);
    expect(await sinkOf({ mappings }).ensure()).toEqual([]);
    expectListed("ensure", index, requests);
  });
});
