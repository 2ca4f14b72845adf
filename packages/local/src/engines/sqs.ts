// SQS, and beside it SNS and S3, from the npm package fauxqs in this process.
// 1.9.2 is the last version at hand that runs on Node 20. engines.md 3.2 lists its gaps.

import { type AwsClientConfig, awsClientConfig } from "./aws-engine.ts";

/** An SQS endpoint; the embedded one serves SNS and S3 as well. */
export interface SqsEngine {
  readonly endpoint: string;
  readonly clientConfig: AwsClientConfig;
  readonly stop: () => Promise<void>;
}

/** Where SQS comes from. */
export interface SqsEngineOptions {
  /** Use this endpoint and start nothing. Default: `AWS_ENDPOINT_URL_SQS` of the environment. */
  readonly endpoint?: string;
}

const external = (endpoint: string): SqsEngine => ({
  endpoint,
  clientConfig: awsClientConfig(endpoint),
  stop: async () => undefined,
});

/** Host of fauxqs' queue URLs. It does not resolve everywhere, and the SDK sends to the host of a queue's URL. */
const unresolvedHost = /sqs\.[a-z0-9-]+\.localhost(?=:\d+\/)/g;

type App = ReturnType<typeof import("fauxqs").buildApp>;

/** Makes queue URLs name the loopback address, in answers and in requests. */
const localiseQueueUrls = (app: App, region: string): void => {
  app.addHook("preHandler", async ({ body }) => {
    const input = body as { QueueUrl?: unknown } | undefined;
    if (typeof input?.QueueUrl === "string") {
      input.QueueUrl = input.QueueUrl.replace("//127.0.0.1:", `//sqs.${region}.localhost:`);
    }
  });
  app.addHook("onSend", async (_request, _reply, payload) =>
    typeof payload === "string" ? payload.replace(unresolvedHost, "127.0.0.1") : payload,
  );
};

/** Starts SQS on a free loopback port, empty. It lives in memory and ends with `stop` or the process. */
export const startSqs = async (options: SqsEngineOptions = {}): Promise<SqsEngine> => {
  const given = options.endpoint ?? process.env.AWS_ENDPOINT_URL_SQS;
  if (given) return external(given);
  const { buildApp } = await import("fauxqs");
  const { region } = awsClientConfig("");
  const app = buildApp({ logger: false, defaultRegion: region });
  localiseQueueUrls(app, region);
  // fauxqs' own server listens on all interfaces.
  const endpoint = await app.listen({ host: "127.0.0.1", port: 0 });
  app.server.unref();
  let closing: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    closing ??= Promise.resolve(app.close());
    return closing;
  };
  return { endpoint, clientConfig: awsClientConfig(endpoint), stop };
};
