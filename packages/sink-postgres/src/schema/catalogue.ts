// What the server knows of a relation: its columns with their types, and its primary key. Read once in a cold start.

import type { Session } from "../client/pool.ts";

/** A column of a relation that exists. */
export interface CatalogueColumn {
  readonly name: string;
  /** The type without length or precision. */
  readonly type: string;
  /** The type in full, for DDL. */
  readonly fullType: string;
  /** The type below a domain; the same as `type` otherwise. */
  readonly baseType: string;
  /** Quoted, where it is not the type's own. */
  readonly collation: string | null;
  readonly isGenerated: boolean;
  readonly hasDefault: boolean;
  readonly isNotNull: boolean;
  /** Position in the primary key, from 1; 0: not part of it. */
  readonly keyPosition: number;
}

/** A relation that exists. */
export interface Catalogue {
  readonly kind: "table" | "view" | "other";
  /** In the relation's own order. */
  readonly columns: readonly CatalogueColumn[];
}

// format_type(…, -1) and not NULL: with NULL, bpchar reads "character", and a cast to that cuts to one character.
const catalogueQuery = `
SELECT c.relkind::text AS kind, a.attname::text AS name,
  format_type(a.atttypid, -1) AS type, format_type(a.atttypid, a.atttypmod) AS full_type,
  format_type(COALESCE(NULLIF(t.typbasetype, 0), a.atttypid), -1) AS base_type,
  CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END AS collation,
  a.attgenerated <> '' OR a.attidentity = 'a' AS is_generated, a.atthasdef OR a.attidentity <> '' AS has_default,
  a.attnotnull AS is_not_null, CASE WHEN k.position < i.indnkeyatts THEN k.position + 1 ELSE 0 END AS key_position
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
CROSS JOIN LATERAL (SELECT array_position(i.indkey::int2[], a.attnum) AS position) k
WHERE c.oid = to_regclass($1)
ORDER BY a.attnum`;

interface CatalogueRow {
  readonly kind: string;
  readonly name: string;
  readonly type: string;
  readonly full_type: string;
  readonly base_type: string;
  readonly collation: string | null;
  readonly is_generated: boolean;
  readonly has_default: boolean;
  readonly is_not_null: boolean;
  readonly key_position: number;
}

const columnOf = (row: CatalogueRow): CatalogueColumn => ({
  name: row.name,
  type: row.type,
  fullType: row.full_type,
  baseType: row.base_type,
  collation: row.collation,
  isGenerated: row.is_generated,
  hasDefault: row.has_default,
  isNotNull: row.is_not_null,
  keyPosition: Number(row.key_position),
});

/** `pg_class.relkind`: r ordinary table, p partitioned table, v view. */
const kinds: Readonly<Record<string, Catalogue["kind"]>> = { r: "table", p: "table", v: "view" };

/** Reads a relation by its quoted name; undefined where there is none. */
export const readCatalogue = async (session: Session, relation: string): Promise<Catalogue | undefined> => {
  const { rows } = await session.query(catalogueQuery, [relation]);
  const found = rows as readonly CatalogueRow[];
  const [first] = found;
  if (first === undefined) return undefined;
  return { kind: kinds[first.kind] ?? "other", columns: found.map(columnOf) };
};

/** The columns of the primary key, in its order. */
export const primaryKey = ({ columns }: Catalogue): CatalogueColumn[] =>
  columns.filter(({ keyPosition }) => keyPosition > 0).sort((one, other) => one.keyPosition - other.keyPosition);
