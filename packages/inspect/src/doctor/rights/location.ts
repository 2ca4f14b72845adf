// ARNs of resources that variables and sinks name by an ARN, a name or a URL.

/** Where a function runs. */
export interface Location {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
}

const functionArn = /^arn:([\w-]+):lambda:([\w-]+):(\d+):function:/;

/** The location in a function's ARN; undefined if the text is no such ARN. */
export const locationOf = (arn: string | undefined): Location | undefined => {
  const [, partition, region, account] = functionArn.exec(arn ?? "") ?? [];
  if (partition === undefined || region === undefined || account === undefined) return undefined;
  return { partition, region, account };
};

const isArn = (address: string): boolean => address.startsWith("arn:");

/** The ARN of a table, by its name or ARN. */
export const tableArn = ({ partition, region, account }: Location, table: string): string =>
  isArn(table) ? table : `arn:${partition}:dynamodb:${region}:${account}:table/${table}`;

/** The ARN of an event bus, by its name or ARN. */
export const busArn = ({ partition, region, account }: Location, bus: string): string =>
  isArn(bus) ? bus : `arn:${partition}:events:${region}:${account}:event-bus/${bus}`;

const queueHost = /^(?:sqs\.([\w-]+)\.|([\w-]+)\.queue\.)/;

/** The ARN of a queue, by its URL or ARN. The region is in the host, unless the queue is one of a local engine. */
export const queueArn = ({ partition, region }: Location, queue: string): string => {
  if (isArn(queue)) return queue;
  const { hostname, pathname } = new URL(queue);
  const [account = "", name = ""] = pathname.split("/").slice(-2);
  const [, modern, legacy] = queueHost.exec(hostname) ?? [];
  return `arn:${partition}:sqs:${modern ?? legacy ?? region}:${account}:${name}`;
};

/** The ARN of an object in a bucket. */
export const objectArn = ({ partition }: Location, bucket: string, key: string): string =>
  `arn:${partition}:s3:::${bucket}/${key}`;
