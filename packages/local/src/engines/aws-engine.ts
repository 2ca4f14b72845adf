// Local servers of AWS services, and the configuration of SDK clients for these servers.

import { type ChildCommand, startChild } from "./child-engine.ts";

/** Configuration for the constructor of an AWS SDK client, as in `new SQSClient(engine.clientConfig)`. */
export interface AwsClientConfig {
  /** URL of the server. SDK clients need this URL, because the host names in local queue URLs do not resolve. */
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

/** Local engines do not check credentials, but the SDK cannot sign a request without them. */
export const awsClientConfig = (endpoint: string): AwsClientConfig => ({
  endpoint,
  region: process.env.AWS_REGION ?? "us-east-1",
  credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? "local",
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? "local",
  },
});

/** Returns the engine at this endpoint. Pass no `stop` for an external engine, which then keeps running. */
export const awsEngine = (endpoint: string, stop: () => Promise<void> = async () => undefined): AwsEngine => ({
  endpoint,
  clientConfig: awsClientConfig(endpoint),
  stop,
});

/** Starts the engine as a process that listens on this port. The engine is ready when a GET gets any response. */
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
