// Reads a relation's columns, their types, and the primary key from Postgres' system catalogue.

import type { Session } from "../client/session.ts";

/** A column of an existing relation. */
export interface CatalogueColumn {
  readonly name: string;
  /** The type without length or precision. */
  readonly type: string;
  /** The type's object identifier, as text. */
  readonly typeOid: string;
  /** The type with length and precision, for DDL. */
  readonly fullType: string;
  /** If `type` is a domain, the type on which the domain is based. Otherwise the same as `type`. */
  readonly baseType: string;
  /** The length or precision as the catalogue stores it, -1 without one. */
  readonly modifier: string;
  /** `text`: an enum, or a type that has no binary output. `binary`: any other type. */
  readonly output: "text" | "binary";
  /** The quoted collation; null if the column has the default collation of its type. */
  readonly collation: string | null;
  readonly isGenerated: boolean;
  /** Whether the column is `GENERATED ALWAYS AS IDENTITY`. An insert can set it, an update cannot. */
  readonly isIdentity: boolean;
  readonly hasDefault: boolean;
  readonly isNotNull: boolean;
  /** Position in the primary key, from 1; 0 if the column is not part of the key. */
  readonly keyPosition: number;
}

/** An existing relation. */
export interface Catalogue {
  /** The relation's object identifier, as text. */
  readonly oid: string;
  readonly kind: "table" | "view" | "other";
  /** The columns, in the order of the relation. */
  readonly columns: readonly CatalogueColumn[];
  /** The number of attributes, with dropped columns. Each new column increases it. */
  readonly attributes: string;
  /** Whether the other relation of the query exists, too. */
  readonly hasVersions: boolean;
  /** Whether the database stores texts in UTF-8. */
  readonly isUtf8: boolean;
}

/** Returns the SQL that finds the type on which a type is based, through any number of domains. */
export const baseOf = (type: string): string => `
  WITH RECURSIVE based AS (
    SELECT oid, typtype, typbasetype FROM pg_type WHERE oid = ${type}
    UNION ALL SELECT n.oid, n.typtype, n.typbasetype FROM based JOIN pg_type n ON n.oid = based.typbasetype
    WHERE based.typtype = 'd'
  ) SELECT oid FROM based WHERE typtype <> 'd'`;

// `format_type` gets the modifier -1. With NULL, it would return "character" for `bpchar`, and a cast to "character"
// shortens a text to one character.
const catalogueQuery = `
SELECT c.oid::text AS oid, c.relkind::text AS kind, c.relnatts::text AS attributes, to_regclass($2) IS NOT NULL AS "hasVersions", getdatabaseencoding() = 'UTF8' AS "isUtf8", a.attname::text AS name,
  format_type(a.atttypid, -1) AS type, a.atttypid::text AS "typeOid", format_type(a.atttypid, a.atttypmod) AS "fullType",
  CASE WHEN b.typcategory = 'A' AND b.typelem <> 0 THEN format_type(e.oid, -1) || '[]' ELSE format_type(b.oid, -1) END AS "baseType",
  a.atttypmod::text AS modifier,
  CASE WHEN b.typtype = 'e' OR b.typsend = 0 OR e.typsend = 0 THEN 'text' ELSE 'binary' END AS output,
  CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END AS collation,
  a.attgenerated <> '' OR a.attidentity = 'a' AS "isGenerated", a.attidentity = 'a' AS "isIdentity", a.atthasdef OR a.attidentity <> '' AS "hasDefault",
  a.attnotnull AS "isNotNull", CASE WHEN k.position < i.indnkeyatts THEN k.position + 1 ELSE 0 END AS "keyPosition"
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = (${baseOf("a.atttypid")})
LEFT JOIN pg_type e ON e.oid = (${baseOf("b.typelem")})
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
CROSS JOIN LATERAL (SELECT array_position(i.indkey::int2[], a.attnum) AS position) k
WHERE c.oid = to_regclass($1)
ORDER BY a.attnum`;

interface CatalogueRow extends CatalogueColumn {
  readonly oid: string;
  readonly kind: string;
  readonly attributes: string;
  readonly hasVersions: boolean;
  readonly isUtf8: boolean;
}

/** `pg_class.relkind`: r ordinary table, p partitioned table, v view. */
const kinds: Readonly<Record<string, Catalogue["kind"]>> = { r: "table", p: "table", v: "view" };

/** Reads a relation by its quoted name; undefined if the relation does not exist. Also looks for `versions`. */
export const readCatalogue = async (
  session: Session,
  relation: string,
  versions: string = relation,
): Promise<Catalogue | undefined> => {
  const { rows } = await session.query(catalogueQuery, [relation, versions]);
  const found = rows as readonly CatalogueRow[];
  // The user's own pool may have a parser that returns numbers as strings.
  const columns = found.map((row) => ({ ...row, keyPosition: Number(row.keyPosition) }));
  const [first] = found;
  if (first === undefined) return undefined;
  const { oid, kind, attributes, hasVersions, isUtf8 } = first;
  return { oid, kind: kinds[kind] ?? "other", columns, attributes, hasVersions, isUtf8 };
};

/** The columns of the primary key, in the order of the key. */
export const primaryKey = ({ columns }: Catalogue): CatalogueColumn[] =>
  columns.filter(({ keyPosition }) => keyPosition > 0).sort((one, other) => one.keyPosition - other.keyPosition);
