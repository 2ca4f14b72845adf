// A local server of AWS' protocols, and the configuration of SDK clients for it.

import { type ChildCommand, startChild } from "./child-engine.ts";

/** Spread it into the constructor of an AWS SDK client: `new SQSClient(engine.clientConfig)`. */
export interface AwsClientConfig {
  /** Explicit, as the host names in local queue URLs do not resolve. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** A running server of one or several AWS services. */
export interface AwsEngine {
  /** The URL for all services of this server. */
  readonly endpoint: string;
  readonly clientConfig: AwsClientConfig;
  readonly stop: () => Promise<void>;
}

/** Local engines check no credentials, but the SDK signs no request without them. */
export const awsClientConfig = (endpoint: string): AwsClientConfig => ({
  endpoint,
  region: process.env.AWS_REGION ?? "us-east-1",
  credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? "local",
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? "local",
  },
});

/** The engine at this endpoint; without `stop` it is an external one, which keeps running. */
export const awsEngine = (endpoint: string, stop: () => Promise<void> = async () => undefined): AwsEngine => ({
  endpoint,
  clientConfig: awsClientConfig(endpoint),
  stop,
});

/** Starts the engine as a process that listens on this port. It is ready when it answers a GET, even by an error. */
export const startAwsEngine = async (
  port: number,
  command: Omit<ChildCommand, "probe">,
  readyPath = "/",
): Promise<AwsEngine> => {
  const endpoint = `http://127.0.0.1:${port}`;
  const probe = (): Promise<Response> => fetch(`${endpoint}${readyPath}`, { signal: AbortSignal.timeout(10_000) });
  const child = await startChild({ ...command, probe });
  return awsEngine(endpoint, child.stop);
};
