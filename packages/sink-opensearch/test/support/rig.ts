// The rig for the conformance kit. The sink writes to a real server through a proxy.

import type { SpecimenItem, UpsertRig } from "@sluice/testing";
import {
  type OpensearchDocument,
  type OpensearchMappings,
  type OpensearchSinkOptions,
  opensearchSink,
} from "../../src/index.ts";
import { apiOf, hitsOf, newIndex, withoutGuard } from "./api.ts";
import { startFaultProxy } from "./proxy.ts";

/** Fields of the kit's items. `payload` may have any type, so it is stored and not indexed. */
export const specimenMappings: OpensearchMappings = {
  dynamic: "strict",
  properties: {
    pk: { type: "keyword" },
    sk: { type: "keyword" },
    revision: { type: "long" },
    note: { type: "text" },
    amount: { type: "double" },
    payload: { type: "object", enabled: false },
  },
};

/** Settings that make an index fast: no replicas, and no wait for the disk after each write. */
export const testSettings = { number_of_replicas: 0, "translog.durability": "async" };

const auth = { username: "kit", password: "kit-password-4242" };

/** Opens a sink for an empty index on the server at this URL. */
export const openRig = async (
  serverUrl: string,
  options: Partial<OpensearchSinkOptions> = {},
): Promise<UpsertRig<OpensearchDocument>> => {
  const api = apiOf(serverUrl);
  const proxy = await startFaultProxy(serverUrl);
  const target = { index: newIndex(), mappings: specimenMappings, settings: testSettings };
  const owner = opensearchSink({ node: serverUrl, ...target });
  await owner.ensure();
  await owner.close();
  return {
    sink: opensearchSink({ node: proxy.url, auth, ...target, ...options }),
    toMessage: ({ after }: { readonly after: SpecimenItem }) => after,
    read: async () => (await hitsOf(api, target.index)).map(({ _source }) => withoutGuard(_source)),
    requests: proxy.requests,
    fail: proxy.fail,
    endFault: proxy.endFault,
    close: async () => {
      await api("DELETE", `/${target.index}-000001`);
      await proxy.close();
    },
    secrets: [auth.password],
  };
};
