// Where the messages of a redrive are, as the user names it.

import { existsSync } from "node:fs";
import { CommandError } from "../command-line/command-error.ts";

export type LetterPlace =
  | { readonly kind: "queue"; readonly url: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "objects"; readonly bucket: string; readonly prefix: string };

const expected = "expected a queue's URL (https://sqs.…)";

/** A queue's URL. @throws {CommandError} for anything else */
export const queueAt = (text: string): string => {
  if (/^https?:\/\/[^/]+\/.+/.test(text) && URL.canParse(text)) return text;
  throw new CommandError(`"${text}" is no queue; ${expected}`);
};

/** @throws {CommandError} when it is none of them */
export const placeAt = (text: string): LetterPlace => {
  if (/^https?:/.test(text)) return { kind: "queue", url: queueAt(text) };
  const [, bucket, prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(text) ?? [];
  if (bucket !== undefined) return { kind: "objects", bucket, prefix };
  if (existsSync(text)) return { kind: "file", path: text };
  throw new CommandError(`"${text}" is no URL, and there is no such file; ${expected} or a file of envelopes`);
};
