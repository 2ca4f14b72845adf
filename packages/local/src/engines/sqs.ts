// The npm package fauxqs runs SQS, SNS and S3 in this process. Version 1.9.2 of fauxqs is the last one for Node 20.

import type { AddressInfo } from "node:net";
import { checkOptionNames } from "@sluice/core/sink-kit";
import { type AwsEngine, awsClientConfig, awsEngine } from "./aws-engine.ts";

/** A server of SQS. The embedded server also has SNS and S3. */
export type SqsEngine = AwsEngine;

/** Options of `startSqs` and `startElasticmq`. */
export interface SqsEngineOptions {
  /** URL of a running server to use. Default: the variable `AWS_ENDPOINT_URL_SQS`, or for ElasticMQ `ELASTICMQ_URL`. */
  readonly endpoint?: string;
}

/** Host in fauxqs' queue URLs. The SDK sends requests to this host, but not every system can resolve the host name. */
const unresolvedHost = /sqs\.[a-z0-9-]+\.localhost(?=:\d+\/)/g;

type App = ReturnType<typeof import("fauxqs").buildApp>;

/**
 * Replaces the host of queue URLs by 127.0.0.1 in responses, and restores host and port in requests. The port of a request
 * may be the port of a proxy.
 */
const localiseQueueUrls = (app: App, region: string): void => {
  app.addHook("preHandler", async ({ body }) => {
    const input = body as { QueueUrl?: unknown } | undefined;
    if (typeof input?.QueueUrl === "string") {
      const { port } = app.server.address() as AddressInfo;
      input.QueueUrl = input.QueueUrl.replace(/\/\/127\.0\.0\.1:\d+/, `//sqs.${region}.localhost:${port}`);
    }
  });
  app.addHook("onSend", async (_request, _reply, payload) =>
    typeof payload === "string" ? payload.replace(unresolvedHost, "127.0.0.1") : payload,
  );
};

/** Starts SQS on a free port of 127.0.0.1, empty and in memory. The server ends with `stop` or with this process. */
export const startSqs = async (options: SqsEngineOptions = {}): Promise<SqsEngine> => {
  checkOptionNames("startSqs", options, { endpoint: true });
  const given = options.endpoint ?? process.env.AWS_ENDPOINT_URL_SQS;
  if (given) return awsEngine(given);
  const { buildApp } = await import("fauxqs");
  const { region } = awsClientConfig("");
  const app = buildApp({ logger: false, defaultRegion: region });
  localiseQueueUrls(app, region);
  // Sluice starts the server, because the start function of fauxqs would make the server listen on all interfaces.
  const endpoint = await app.listen({ host: "127.0.0.1", port: 0 });
  app.server.unref();
  let closing: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    closing ??= Promise.resolve(app.close());
    return closing;
  };
  return awsEngine(endpoint, stop);
};
