// The contender that uses the npm package dynamodb-stream-elasticsearch. The options are the fastest: bulk requests
// without a refresh.

import { createRequire } from "node:module";
import type { Client } from "@opensearch-project/opensearch";
import { type OpensearchEntrant, type OpensearchMaterial, recreateIndex } from "./opensearch-entrant.ts";

const index = "sluice-bench-peer";

type PushStream = (options: {
  readonly event: unknown;
  readonly index: string;
  readonly endpoint: string;
  readonly useBulk: boolean;
  readonly refresh: boolean;
  readonly keepAlive: boolean;
}) => Promise<void>;

/** The part of AWS SDK 2 that this file uses to set the package's credentials. */
interface OldSdk {
  readonly config: { credentials: unknown };
  readonly Credentials: new (accessKeyId: string, secretAccessKey: string) => unknown;
}

/**
 * Loads the package and sets credentials. The server ignores credentials, but the SDK would query EC2 for missing ones.
 */
const loadPeer = (): PushStream => {
  process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
  const require = createRequire(import.meta.url);
  const sdk = require("aws-sdk/global") as OldSdk;
  sdk.config.credentials = new sdk.Credentials("local", "local");
  return (require("dynamodb-stream-elasticsearch") as { pushStream: PushStream }).pushStream;
};

export const peerPush = (client: Client, endpoint: string, { events }: OpensearchMaterial): OpensearchEntrant => {
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
