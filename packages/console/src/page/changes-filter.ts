// The filter of the changes in the address. No DOM.

import type { ChangeFilter } from "../api/changes.ts";
import type { AddressQuery } from "./address.ts";
import { outcomes } from "./outcomes.ts";

/** The kinds of changes. */
export const kinds = ["insert", "modify", "remove"] as const;

const nonEmpty = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

/** Reads the filter. A member with a word that the page does not know selects all. */
export const filterOf = (query: AddressQuery): ChangeFilter => ({
  pipeline: nonEmpty(query.pipeline),
  route: nonEmpty(query.route),
  outcome: outcomes.find((outcome) => outcome === query.outcome),
  code: nonEmpty(query.code),
  kind: kinds.find((kind) => kind === query.kind),
  key: nonEmpty(query.key),
});

/** Whether a filter selects less than all. */
export const isFiltering = (filter: ChangeFilter): boolean =>
  Object.values(filter).some((value) => value !== undefined);

/** A text that is equal for equal filters. */
export const filterText = ({ pipeline, route, outcome, code, kind, key }: ChangeFilter): string =>
  JSON.stringify([pipeline, route, outcome, code, kind, key]);
