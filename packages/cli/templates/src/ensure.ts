// A function that each deployment calls first. It creates what the targets lack, and changes nothing that exists.

import {
  documents, // @when opensearch
  rows, // @when postgres
} from "./pipeline.ts";

/** Returns the steps that were made. */
export const handler = async (): Promise<string[]> => [
  ...(await rows.ensure()), // @when postgres
  ...(await documents.ensure()), // @when opensearch
];
