// What an AWS SDK client needs to talk to a local engine.

/** Spread it into the constructor of an AWS SDK client: `new SQSClient(engine.clientConfig)`. */
export interface AwsClientConfig {
  /** Must be explicit: the host names in local queue URLs do not resolve. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Local engines check no credentials, but the SDK signs nothing without them. */
export const awsClientConfig = (endpoint: string): AwsClientConfig => ({
  endpoint,
  region: process.env.AWS_REGION ?? "us-east-1",
  credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? "local",
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? "local",
  },
});
