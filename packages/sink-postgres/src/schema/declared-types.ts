// Compares the types that options declare with those of existing columns.

import { invalidOption } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { Catalogue } from "./catalogue.ts";
import type { DeclaredColumn } from "./columns.ts";

const typesQuery = `SELECT format_type(to_regtype(u.type), -1) AS type
FROM unnest($1::text[]) WITH ORDINALITY AS u(type, position) ORDER BY u.position`;

/** Declared columns, and the table that has or will have them. */
interface Declaration {
  /** The option's name, for errors. */
  readonly option: string;
  readonly declared: readonly DeclaredColumn[];
  /** The table's quoted name. */
  readonly relation: string;
  /** Undefined if the table does not exist. */
  readonly table: Catalogue | undefined;
}

/**
 * Checks the types of existing columns. Length, precision and constraints may differ from the declared ones.
 * @throws {ConfigError} CONFIG_INVALID when a column has another type, or the server lacks a type.
 */
export const checkDeclaredTypes = async (
  session: Session,
  { option, declared, relation, table }: Declaration,
): Promise<void> => {
  if (declared.length === 0) return;
  const { rows: types } = await session.query(typesQuery, [declared.map(({ type }) => type)]);
  for (const [index, { name, type }] of declared.entries()) {
    const known = (types[index] as { readonly type: string | null } | undefined)?.type ?? null;
    if (known === null)
      throw invalidOption(option, `gives column "${name}" the type ${type}, which this server does not have`);
    const found = table?.columns.find((column) => column.name === name)?.type ?? known;
    if (found !== known) {
      throw invalidOption(option, `declares column "${name}" as ${type}; in ${relation} it is ${found}`);
    }
  }
};
