// Reads how Postgres compares the key columns, and what `ensure` stored about the key mapping.

import type { Session } from "../client/session.ts";
import { baseOf } from "./catalogue.ts";
import { claimsColumn, literal, ownerColumn, quoteAll, quoteName, type Relations, versionColumn } from "./relations.ts";

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

/**
 * A unique index that `ON CONFLICT` uses if it names these columns: valid, not partial, not over expressions. Postgres
 * uses all such indexes at once, so one that `spoils` makes the others useless: it is deferrable, or its collation treats
 * more texts as equal than that of the column. One of an `other` collation does not help to find a row by its column.
 */
interface UniqueKey {
  readonly columns: readonly string[];
  readonly use: "fits" | "other" | "spoils";
}

/** What the catalogue says about the relations of a sink that exist. */
export interface KeyFacts {
  readonly rows: readonly ComparedColumn[];
  readonly versions: readonly ComparedColumn[];
  readonly uniqueKeys: { readonly rows: readonly UniqueKey[]; readonly versions: readonly UniqueKey[] };
  /** What is wrong with the relations themselves; undefined if nothing is. */
  readonly relationProblem: string | undefined;
  /** Whether the version table has the columns for owners. */
  readonly hasOwners: boolean;
  /** The key mapping that `ensure` stored; undefined if it stored none. */
  readonly mapping: string | undefined;
}

/** Returns the SQL that finds the length or precision of a domain: one domain of the chain may have it. */
const modifierOf = (domain: string): string => `
  WITH RECURSIVE based AS (
    SELECT typbasetype, typtypmod FROM pg_type WHERE oid = ${domain}
    UNION ALL SELECT n.typbasetype, n.typtypmod FROM based JOIN pg_type n ON n.oid = based.typbasetype AND n.typtype = 'd'
  ) SELECT max(typtypmod) FROM based`;

const factsQuery = `
SELECT r.position::text AS position, a.attname::text AS name, b.typname::text AS "typeName",
  format_type(b.oid, m.value) AS "fullType",
  b.typnamespace = 'pg_catalog'::regnamespace AS "isBuiltIn", b.typtype = 'e' AS "isEnum",
  m.value <> -1 AS "hasModifier", COALESCE(l.collisdeterministic, true) AS "isDeterministic",
  a.atttypid::text AS "typeOid", a.atttypmod::text AS modifier, NULLIF(a.attcollation, 0)::regcollation::text AS collation,
  col_description(a.attrelid, a.attnum) AS comment, k.relkind IN ('r', 'p') AS "isTable",
  (SELECT min(w.rulename) FROM pg_rewrite w WHERE w.ev_class = a.attrelid AND w.ev_type <> '1') AS rule, (
    SELECT json_agg(json_build_object('columns', (
      SELECT json_agg(c.attname ORDER BY n.position) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS n(attnum, position)
      JOIN pg_attribute c ON c.attrelid = i.indrelid AND c.attnum = n.attnum WHERE n.position <= i.indnkeyatts
    ), 'use', CASE WHEN NOT i.indimmediate OR d.coarser THEN 'spoils' WHEN d.other THEN 'other' ELSE 'fits' END))::text
    FROM pg_index i CROSS JOIN LATERAL (
      SELECT COALESCE(bool_or(NOT s.collisdeterministic), false) AS coarser,
        count(n.sorting) > 0 AS other
      FROM unnest(i.indkey::int2[], i.indcollation::oid[]) AS n(attnum, sorting)
      JOIN pg_attribute c ON c.attrelid = i.indrelid AND c.attnum = n.attnum AND n.sorting <> c.attcollation
      LEFT JOIN pg_collation s ON s.oid = n.sorting
    ) d
    WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND NOT i.indisexclusion
      AND i.indpred IS NULL AND i.indexprs IS NULL
  ) AS "uniqueKeys"
FROM unnest(ARRAY[$1, $2]::text[]) WITH ORDINALITY AS r(name, position)
JOIN pg_attribute a ON a.attrelid = to_regclass(r.name) AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_class k ON k.oid = a.attrelid
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = (${baseOf("t.oid")})
CROSS JOIN LATERAL (SELECT CASE t.typtype WHEN 'd' THEN (${modifierOf("t.oid")}) ELSE a.atttypmod END AS value) m
LEFT JOIN pg_collation l ON l.oid = a.attcollation
ORDER BY r.position, a.attnum`;

interface FactsRow extends ComparedColumn {
  readonly position: string;
  readonly comment: string | null;
  readonly isTable: boolean;
  /** A rule of the relation, apart from the one that makes a view. */
  readonly rule: string | null;
  /** As JSON. */
  readonly uniqueKeys: string | null;
}

const uniqueKeysIn = ([row]: readonly FactsRow[]): readonly UniqueKey[] =>
  JSON.parse(row?.uniqueKeys ?? "[]") as readonly UniqueKey[];

const comparedColumn = (row: FactsRow): ComparedColumn => {
  const { uniqueKeys: _, comment: __, position: ___, isTable: ____, rule: _____, ...column } = row;
  return column;
};

const relationProblemIn = ([row]: readonly FactsRow[], relation: string): string | undefined => {
  if (row === undefined) return undefined;
  if (!row.isTable)
    return `the name ${relation} is taken, and is not that of a table; rename that, or name another table`;
  if (row.rule === null) return undefined;
  return `${relation} has the rule ${quoteName(row.rule)}, with which Postgres refuses ON CONFLICT; replace it by a trigger`;
};

const mappingPrefix = "sluice key mapping: ";

const isNamed = (quoted: string) => (column: ComparedColumn) => quoteName(column.name) === quoted;

/** Reads the facts about the relations. A relation that does not exist has no columns. */
export const readKeyFacts = async (session: Session, { rows, versions }: Relations): Promise<KeyFacts> => {
  const answer = await session.query(factsQuery, [rows, versions]);
  const found = answer.rows as readonly FactsRow[];
  const of = (position: string): readonly FactsRow[] => found.filter((row) => row.position === position);
  const comment = of("2").find(isNamed(versionColumn))?.comment ?? "";
  return {
    rows: of("1").map(comparedColumn),
    versions: of("2").map(comparedColumn),
    relationProblem: relationProblemIn(of("1"), rows) ?? relationProblemIn(of("2"), versions),
    uniqueKeys: { rows: uniqueKeysIn(of("1")), versions: uniqueKeysIn(of("2")) },
    hasOwners: [ownerColumn, claimsColumn].every((name) => of("2").some(isNamed(name))),
    mapping: comment.startsWith(mappingPrefix) ? comment.slice(mappingPrefix.length) : undefined,
  };
};

/** Whether two columns treat the same values as equal. `varchar` without a length compares as `text` does. */
const isSame = (one: ComparedColumn, other: ComparedColumn): boolean => {
  const typeOf = ({ fullType }: ComparedColumn): string => (fullType === "character varying" ? "text" : fullType);
  return typeOf(one) === typeOf(other) && one.isDeterministic === other.isDeterministic;
};

/** Returns how the version table's key column differs from the column of the rows; undefined if it does not. */
const typeProblem = ({ rows, versions }: Relations, keys: readonly string[], facts: KeyFacts): string | undefined => {
  for (const key of keys) {
    const [row, version] = [facts.rows, facts.versions].map((columns) => columns.find(({ name }) => name === key));
    if (row === undefined || version === undefined || isSame(row, version)) continue;
    const name = quoteName(key);
    const collate = row.isDeterministic || row.collation === null ? "" : ` COLLATE ${row.collation}`;
    return (
      `key column ${name} is ${row.fullType} in ${rows}, but ${version.fullType} in ${versions}` +
      `${row.fullType === version.fullType ? " with a collation that compares otherwise" : ""}; change the latter: ` +
      `ALTER TABLE ${versions} ALTER COLUMN ${name} TYPE ${row.fullType}${collate} USING ${name}::${row.fullType}`
    );
  }
  return undefined;
};

/**
 * Returns why a write cannot find the row of a key, and what to do; undefined if it can.
 * `keys` are the names of the key columns.
 */
export const keyProblem = (relations: Relations, keys: readonly string[], facts: KeyFacts): string | undefined => {
  const { rows, versions, guard } = relations;
  const { uniqueKeys, relationProblem } = facts;
  if (relationProblem !== undefined) return relationProblem;
  const isOver = ({ columns }: UniqueKey): boolean =>
    columns.length === keys.length && columns.every((name) => keys.includes(name));
  const fits = (indexes: readonly UniqueKey[]): boolean => {
    const over = indexes.filter(isOver);
    return over.some(({ use }) => use === "fits") && !over.some(({ use }) => use === "spoils");
  };
  const list = quoteAll(keys);
  if (facts.rows.length > 0 && uniqueKeys.rows.some((index) => isOver(index) && index.use === "spoils")) {
    return (
      `${rows} has a unique index over the key (${list}) that is deferrable, or whose collation treats more texts as equal ` +
      "than the column does; Postgres uses it for ON CONFLICT, also beside another index. Replace it by one that is neither"
    );
  }
  if (facts.rows.length > 0 && !fits(uniqueKeys.rows)) {
    return (
      `${rows} has no unique index over exactly the key (${list}) that is valid, not partial, not deferrable and not of ` +
      `another collation; create one: CREATE UNIQUE INDEX ON ${rows} (${list}). A partitioned table can have it only if ` +
      "the partition key is part of the key"
    );
  }
  if (guard === "inline" || facts.versions.length === 0) return undefined;
  if (fits(uniqueKeys.versions)) return typeProblem(relations, keys, facts);
  const known = uniqueKeys.versions.map(({ columns }) => `(${quoteAll(columns)})`).join(" or ") || "none";
  return (
    `${versions} was made for another key, ${known}; expected (${list}). If its versions are of no use any more, drop ` +
    "it, and ensure() creates it; otherwise name another table"
  );
};

/** Returns the SQL that stores the key mapping, as the comment of the guard's version column. */
export const storeMapping = ({ versions }: Relations, mapping: string): string =>
  `COMMENT ON COLUMN ${versions}.${versionColumn} IS ${literal(mappingPrefix + mapping)}`;

/** Returns a text that is equal for equal key mappings. `sources` maps each column to the attribute that fills it. */
export const mappingText = (sources: ReadonlyMap<string, string> | undefined): string =>
  sources === undefined
    ? "a function"
    : JSON.stringify(Object.fromEntries([...sources].sort(([one], [other]) => (one < other ? -1 : 1))));
