/** Patterns of SQS' hosts (in a VPC, current and legacy) and of ARNs. @see https://docs.aws.amazon.com/general/latest/gr/sqs-service.html (read 2026-11-25) */
const patterns = [
  /^https:\/\/vpce-[^.]+\.sqs\.([a-z0-9-]+)\.vpce\.amazonaws\.com/,
  /^https:\/\/sqs\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)/,
  /^https:\/\/([a-z0-9-]+)\.queue\.amazonaws\.com/,
  /^arn:aws[a-z-]*:[a-z0-9]+:([a-z0-9-]+):/,
];

/** Returns the region that a queue's URL or an ARN contains, or undefined if the text contains no region. */
export const regionIn = (address: string): string | undefined =>
  patterns.map((pattern) => pattern.exec(address)?.[1]).find((region) => region !== undefined);
