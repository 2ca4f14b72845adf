// What Lambda sends to an on-failure destination: an invocation record, by itself or wrapped by SNS; or the news of an
// object of S3 that holds one.

/** What is read of an invocation record. */
export interface InvocationRecord {
  readonly timestamp?: unknown;
  readonly payload?: unknown;
  readonly DDBStreamBatchInfo?: {
    readonly shardId?: unknown;
    readonly startSequenceNumber?: unknown;
    readonly streamArn?: unknown;
  };
  /** SNS' own envelope. */
  readonly Type?: unknown;
  readonly Message?: unknown;
  /** S3's notification. */
  readonly Records?: readonly { readonly s3?: unknown }[];
}

/** The members of a JSON object; of any other text, none. */
export const membersIn = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
};

/** What SNS wraps, or the text itself. */
const unwrapped = (text: string): InvocationRecord => {
  const value: InvocationRecord = membersIn(text);
  return value.Type === "Notification" && typeof value.Message === "string" ? membersIn(value.Message) : value;
};

/** Whether it is S3's news of objects. */
export const isNews = ({ Records }: InvocationRecord): boolean =>
  Array.isArray(Records) && Records.every((record) => record?.s3 !== undefined);

/** What Lambda or S3 has sent; undefined for anything else. */
export const invocationIn = (text: string): InvocationRecord | undefined => {
  const value = unwrapped(text);
  return typeof value.DDBStreamBatchInfo?.streamArn === "string" || isNews(value) ? value : undefined;
};
