// Pages of a few items. Real pages of such small items would have thousands.

import type { DynamoDB, ScanCommandInput, ScanCommandOutput } from "@aws-sdk/client-dynamodb";

/** Returns a client whose scans return at most this many items. */
export const smallPages = (
  client: DynamoDB,
  items: number,
): { readonly scan: (input: ScanCommandInput, options: object) => Promise<ScanCommandOutput> } => ({
  scan: (input, options) => client.scan({ ...input, Limit: items }, options),
});
