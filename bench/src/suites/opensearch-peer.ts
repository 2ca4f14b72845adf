// The published peer dynamodb-stream-elasticsearch with what is fastest in it: bulk requests, no refresh after each.

import { createRequire } from "node:module";
import type { Client } from "@opensearch-project/opensearch";
import { type Entrant, type Material, recreateIndex } from "./opensearch-entrant.ts";

const index = "sluice-bench-peer";

type PushStream = (options: {
  readonly event: unknown;
  readonly index: string;
  readonly endpoint: string;
  readonly useBulk: boolean;
  readonly refresh: boolean;
  readonly keepAlive: boolean;
}) => Promise<void>;

/** The part of AWS SDK 2 that the peer asks for credentials. */
interface OldSdk {
  readonly config: { credentials: unknown };
  readonly Credentials: new (accessKeyId: string, secretAccessKey: string) => unknown;
}

/** Credentials are given, as the old SDK would look for some in the instance's metadata. The server checks none. */
const loadPeer = (): PushStream => {
  process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
  const require = createRequire(import.meta.url);
  const sdk = require("aws-sdk/global") as OldSdk;
  sdk.config.credentials = new sdk.Credentials("local", "local");
  return (require("dynamodb-stream-elasticsearch") as { pushStream: PushStream }).pushStream;
};

export const peerPush = (client: Client, endpoint: string, { events }: Material): Entrant => {
  const pushStream = loadPeer();
  return {
    name: "dynamodb-stream-elasticsearch",
    index,
    reset: () => recreateIndex(client, index),
    prepare: (mix, batch) => {
      const event: unknown = JSON.parse(events[mix][batch] ?? "");
      return () => pushStream({ event, index, endpoint, useBulk: true, refresh: false, keepAlive: true });
    },
  };
};
