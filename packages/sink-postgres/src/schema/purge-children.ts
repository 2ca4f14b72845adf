// The part of a purge that deletes child rows of purged tombstones. The sink leaves none, but other programs can add some:
// a foreign key would then refuse the purge.

import { keySources } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { PostgresSettings } from "../options.ts";
import { primaryKey, readCatalogue } from "./catalogue.ts";
import { childKeyNames } from "./child-keys.ts";
import { childrenInOrder } from "./children.ts";
import { quoteAll, quoteName } from "./relations.ts";

/** What the statement of a purge gets for the children. */
export interface PurgedChildren {
  /** The columns that the deletion of tombstones returns. */
  readonly returning: string;
  /** CTEs that delete the child rows of `purged`. */
  readonly deletions: string;
}

/** Without children. */
const noChildren: PurgedChildren = { returning: "1", deletions: "" };

/** Finds the rows by their index. A place is unique only within one partition, so the key is compared, too. */
const deletion = (relation: string, keys: readonly string[], own: readonly string[], index: number): string => {
  const matches = keys
    .map((key, position) => `one.${quoteName(own[position] ?? key)} = purged.${quoteName(key)}`)
    .join(" AND ");
  return `, rest${index} AS (
  DELETE FROM ${relation} AS one WHERE ctid = ANY (ARRAY(
    SELECT found.place FROM purged CROSS JOIN LATERAL (
      SELECT ctid AS place FROM ${relation} AS one WHERE ${matches} OFFSET 0
    ) AS found
  )) AND EXISTS (SELECT FROM purged WHERE ${matches})
)`;
};

/** Reads the key columns, and returns what the statement of a purge needs. Child tables that do not exist are omitted. */
export const purgedChildren = async (session: Session, settings: PostgresSettings): Promise<PurgedChildren> => {
  const { children, key, relations } = settings;
  const table = children.length === 0 ? undefined : await readCatalogue(session, relations.rows);
  if (table === undefined) return noChildren;
  const keys = [...(keySources(key)?.keys() ?? primaryKey(table).map(({ name }) => name))];
  const deletions: string[] = [];
  for (const [index, { child }] of childrenInOrder(children).entries()) {
    if ((await readCatalogue(session, child.relation)) === undefined) continue;
    deletions.push(deletion(child.relation, keys, childKeyNames(key, keys, children, index), index));
  }
  return { returning: quoteAll(keys), deletions: deletions.join("") };
};
