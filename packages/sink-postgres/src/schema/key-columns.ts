// Reads how Postgres compares the key columns, and what `ensure` stored about the key mapping.

import type { Session } from "../client/session.ts";
import { claimsColumn, literal, ownerColumn, quoteName, type Relations, versionColumn } from "./relations.ts";

/** How Postgres stores and compares a column. For a domain, this describes the type on which the domain is based. */
export interface ComparedColumn {
  readonly name: string;
  /** The type's name in the catalogue, for example `int4`. */
  readonly typeName: string;
  /** The type with its length or precision, for SQL. */
  readonly fullType: string;
  /** Whether the type is one of Postgres' own types, not of an extension. */
  readonly isBuiltIn: boolean;
  readonly isEnum: boolean;
  /** Whether the type has a length or a precision. */
  readonly hasModifier: boolean;
  /** False if the collation treats different texts as equal. */
  readonly isDeterministic: boolean;
  /** The column's own type, which may be a domain, by its object identifier. */
  readonly typeOid: string;
  /** The column's own modifier, -1 without one. */
  readonly modifier: string;
  /** The quoted collation; null if the type has none. */
  readonly collation: string | null;
}

/** What the catalogue says about the relations of a sink that exist. */
export interface KeyFacts {
  readonly rows: readonly ComparedColumn[];
  readonly versions: readonly ComparedColumn[];
  /** Whether the version table has the columns for owners. */
  readonly hasOwners: boolean;
  /** The key mapping that `ensure` stored; undefined if it stored none. */
  readonly mapping: string | undefined;
}

const factsQuery = `
SELECT r.position::text AS position, a.attname::text AS name, b.typname::text AS "typeName",
  format_type(b.oid, m.value) AS "fullType",
  b.typnamespace = 'pg_catalog'::regnamespace AS "isBuiltIn", b.typtype = 'e' AS "isEnum",
  m.value <> -1 AS "hasModifier", COALESCE(l.collisdeterministic, true) AS "isDeterministic",
  a.atttypid::text AS "typeOid", a.atttypmod::text AS modifier, NULLIF(a.attcollation, 0)::regcollation::text AS collation,
  col_description(a.attrelid, a.attnum) AS comment
FROM unnest(ARRAY[$1, $2]::text[]) WITH ORDINALITY AS r(name, position)
JOIN pg_attribute a ON a.attrelid = to_regclass(r.name) AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
CROSS JOIN LATERAL (SELECT CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END AS value) m
LEFT JOIN pg_collation l ON l.oid = a.attcollation
ORDER BY r.position, a.attnum`;

interface FactsRow extends ComparedColumn {
  readonly position: string;
  readonly comment: string | null;
}

const mappingPrefix = "sluice key mapping: ";

const isNamed = (quoted: string) => (column: ComparedColumn) => quoteName(column.name) === quoted;

/** Reads the facts about the relations. A relation that does not exist has no columns. */
export const readKeyFacts = async (session: Session, { rows, versions }: Relations): Promise<KeyFacts> => {
  const answer = await session.query(factsQuery, [rows, versions]);
  const found = answer.rows as readonly FactsRow[];
  const of = (position: string): readonly FactsRow[] => found.filter((row) => row.position === position);
  const comment = of("2").find(isNamed(versionColumn))?.comment ?? "";
  return {
    rows: of("1"),
    versions: of("2"),
    hasOwners: [ownerColumn, claimsColumn].every((name) => of("2").some(isNamed(name))),
    mapping: comment.startsWith(mappingPrefix) ? comment.slice(mappingPrefix.length) : undefined,
  };
};

/** Returns the SQL that stores the key mapping, as the comment of the guard's version column. */
export const storeMapping = ({ versions }: Relations, mapping: string): string =>
  `COMMENT ON COLUMN ${versions}.${versionColumn} IS ${literal(mappingPrefix + mapping)}`;

/** Returns a text that is equal for equal key mappings. `sources` maps each column to the attribute that fills it. */
export const mappingText = (sources: ReadonlyMap<string, string> | undefined): string =>
  sources === undefined
    ? "a function"
    : JSON.stringify(Object.fromEntries([...sources].sort(([one], [other]) => (one < other ? -1 : 1))));
