// Reads the user's argument that says where the messages are.

import { existsSync } from "node:fs";
import { CommandError } from "../command-line/command-error.ts";

/** Address of a message source. */
export type SourceAddress =
  | { readonly kind: "queue"; readonly url: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "objects"; readonly bucket: string; readonly prefix: string };

const expected = "expected a queue's URL (https://sqs.…)";

/** Returns the text if it is a queue's URL. @throws {CommandError} for any other text */
export const queueUrlIn = (text: string): string => {
  if (/^https?:\/\/[^/]+\/.+/.test(text) && URL.canParse(text)) return text;
  throw new CommandError(`"${text}" is not the URL of a queue; ${expected}`);
};

/** Reads a source's address. @throws {CommandError} when the text is not an address */
export const sourceAddressIn = (text: string): SourceAddress => {
  if (/^https?:/.test(text)) return { kind: "queue", url: queueUrlIn(text) };
  const [, bucket, prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(text) ?? [];
  if (bucket !== undefined) return { kind: "objects", bucket, prefix };
  if (existsSync(text)) return { kind: "file", path: text };
  throw new CommandError(`"${text}" is neither a URL nor an existing file; ${expected} or a file of envelopes`);
};
