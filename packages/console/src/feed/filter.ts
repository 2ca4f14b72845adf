// Which rows a filter selects.

import type { Image } from "@sluice/core/sink-kit";
import type { ChangeFilter, ChangeRow } from "../api/changes.ts";

const contentText = (content: unknown): string =>
  content instanceof Uint8Array ? Buffer.from(content).toString("base64") : String(content);

/** The attribute values of a key, with a comma between them. Binary values are in base64. */
const keyText = (keys: Image): string =>
  Object.values(keys)
    .map((value) => Object.values(value).map(contentText).join(""))
    .join(",");

const hasKey = (keys: Image | undefined, wanted: string): boolean =>
  keys !== undefined && keyText(keys).toLowerCase().includes(wanted.toLowerCase());

/** Whether the filter selects the row. */
export const matches = (row: ChangeRow, filter: ChangeFilter): boolean =>
  (filter.pipeline === undefined || row.pipeline === filter.pipeline) &&
  (filter.route === undefined || row.route === filter.route) &&
  (filter.outcome === undefined || row.outcome === filter.outcome) &&
  (filter.code === undefined || row.code === filter.code) &&
  (filter.kind === undefined || row.kind === filter.kind) &&
  (filter.key === undefined || hasKey(row.keys, filter.key));
