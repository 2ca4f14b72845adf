// The SQL of a write with child tables: one statement, as in `statements.ts`. Decision 0085 has the rules.
//
// A winner's children are read in the statement's snapshot, so a delivery wins only if the version that it replaces is in
// this snapshot. The parameters of the children follow those of the sink's table: an array for each column.

import { quoteName, removedColumn, versionColumn } from "../schema/relations.ts";
import { assigned, isShortened, losesPart, modifierCheck, typeChecked } from "./assigned-cells.ts";
import type { ChildPlan } from "./child-plan.ts";
import { alsoSame, columnCheck } from "./column-check.ts";
import {
  afterDeletes,
  aliases,
  answer,
  argumentsFor,
  assignments,
  cells,
  guardAssignments,
  inlineSets,
  isNewer,
  liveOnly,
  matching,
  names,
  parameter,
  rowDeletes,
  rowsOf,
  type StatementShape,
  sameKey,
  sourceOf,
  storedCell,
  versionsOf,
} from "./statements.ts";
import type { WrittenColumn } from "./written-columns.ts";

/** The relations and columns for which statements with children are created. */
export interface FamilyShape extends StatementShape {
  readonly keys: readonly WrittenColumn[];
  readonly columns: readonly WrittenColumn[];
  readonly children: readonly ChildPlan[];
}

/** Of a removed item, the version can be the same. So the flag is compared, too. */
const isInSnapshot = ({ relations, keys }: StatementShape): string => `
    AND (held.${versionColumn}, held.${removedColumn} IS NULL) = (
      SELECT one.${versionColumn}, one.${removedColumn} IS NULL FROM ${relations.versions} AS one
      WHERE ${matching(keys, "one", "held")})`;

const winners = (shape: FamilyShape, hasRemovals: boolean): string => {
  const isInline = shape.relations.guard === "inline";
  const written = isInline ? [...shape.keys, ...shape.columns] : shape.keys;
  const source = sourceOf(shape, written, hasRemovals);
  return `
won AS (
  INSERT INTO ${shape.relations.versions} AS held (${names(written)}, ${versionColumn}, ${removedColumn})${isInline ? " OVERRIDING SYSTEM VALUE" : ""}
  SELECT ${cells(written)}, u.version, ${source.removedAt} FROM ${source.from}
  ON CONFLICT (${names(shape.keys)}) DO UPDATE SET ${isInline ? inlineSets(shape, hasRemovals) : guardAssignments}
  WHERE ${isNewer}${isInSnapshot(shape)}
  RETURNING ${names(shape.keys, "held.")}, held.${removedColumn}
)`;
};

const paddedTypes = /^(bpchar|character)(\[\])*$/;

/**
 * The cell as the column stores it. A text that is too long must not be equal to a stored one, so it is not shortened. Only
 * Postgres' type with a fixed length is filled up.
 */
const storedValue = (column: WrittenColumn, index: number): string =>
  isShortened(column) && !paddedTypes.test(column.baseType)
    ? assigned({ ...column, fullType: column.type }, index)
    : assigned(column, index);

/** A column, with the number of its cell in the alias `u`. */
type Placed = readonly [index: number, column: WrittenColumn];

/** Returns the SQL condition that the alias `held` has the cells of the alias `u`, by their binary images. */
const isEqual = (columns: readonly Placed[], heldCell: (index: number, column: WrittenColumn) => string): string => {
  if (columns.length === 0) return "true";
  const held = columns.map(([index, column]) => heldCell(index, column)).join(", ");
  const given = columns.map(([index, column]) => storedValue(column, index)).join(", ");
  const whole = columns.flatMap(([index, column]) =>
    isShortened(column) && paddedTypes.test(column.baseType) ? [` AND (${losesPart(column, index)}) IS NOT TRUE`] : [],
  );
  return `record_image_eq(ROW(${held}), ROW(${given}))${whole.join("")}`;
};

const onConflict = (keys: readonly WrittenColumn[], columns: readonly WrittenColumn[]): string => {
  const updated = columns.filter(({ isIdentity }) => !isIdentity);
  const update = updated.length === 0 ? "NOTHING" : `UPDATE SET ${assignments(updated)}`;
  return `ON CONFLICT (${names(keys)}) DO ${update}`;
};

/** Inserts and updates those rows of winners that differ from the stored ones. OFFSET 0 makes Postgres use the index. */
const rowUpserts = ({ relations, keys, columns }: FamilyShape, hasRemovals: boolean): string => {
  const all = [...keys, ...columns];
  const key = quoteName(keys[0]?.name ?? "");
  const equal = isEqual([...all.entries()].slice(keys.length), (_, { name }) => `held.${quoteName(name)}`);
  const live = hasRemovals ? ` AND ${liveOnly}` : "";
  return `,
put AS (
  INSERT INTO ${relations.rows} (${names(all)}) OVERRIDING SYSTEM VALUE
  SELECT ${cells(all)} FROM ${rowsOf(all)} JOIN won ON ${sameKey(keys, "won")}
  LEFT JOIN LATERAL (SELECT * FROM ${relations.rows} AS one WHERE ${matching(keys, "one", "won")} OFFSET 0) AS held ON true
  WHERE (held.${key} IS NULL OR NOT (${equal}))${live}
  ${onConflict(keys, columns)}
)`;
};

/** The rows of a child in the snapshot, for all winners. Its alias is `held`. */
const heldRows = ({ keys }: FamilyShape, { settings, keys: own, columns }: ChildPlan): string => {
  const selected = [...own, ...columns].map(({ name }, index) => `one.${quoteName(name)} AS h${index}`).join(", ");
  const ofWinner = keys
    .map(({ name }, index) => `one.${quoteName(own[index]?.name ?? "")} = won.${quoteName(name)}`)
    .join(" AND ");
  return `(SELECT held.* FROM won CROSS JOIN LATERAL (
    SELECT one.tableoid AS part, one.ctid AS place, ${selected} FROM ${settings.relation} AS one WHERE ${ofWinner} OFFSET 0
  ) AS held) AS held`;
};

/** The key's cell, which compares as the key column does. */
const comparedCell = (key: WrittenColumn, index: number): string => {
  const { collation } = key.comparison ?? {};
  return storedCell(key, index) + (collation === undefined ? "" : ` COLLATE ${collation}`);
};

/**
 * The rows that the winners have now. Its alias is `u`. If two texts of a key may be one value, `same` is the number of rows
 * with the key.
 */
const givenRows = ({ keys }: FamilyShape, { keys: own, columns, inexact }: ChildPlan, offset: number): string => {
  const all = [...own, ...columns];
  const unnested = all.map((column, index) => `unnest(${parameter(column, index + offset)}) AS c${index}`).join(", ");
  const ofWinner = keys
    .map(({ name }, index) => `won.${quoteName(name)} = ${storedCell(own[index] as WrittenColumn, index)}`)
    .join(" AND ");
  const same = `, count(*) OVER (PARTITION BY ${own.map(comparedCell).join(", ")}) AS same`;
  return `(SELECT u.*${inexact.length === 0 ? "" : same} FROM (SELECT ${unnested}) AS u JOIN won ON ${ofWinner}) AS u`;
};

/**
 * Deletes surplus rows by their place, so that no plan can read the whole table. With IS TRUE Postgres looks the place up in a
 * hash table, also Postgres 13; as a join it compared each row with each place. Of two rows with one key, Postgres refuses the
 * second one, because both are sent and the first one is there.
 */
const childWrite = (shape: FamilyShape, child: ChildPlan, index: number, offset: number): string => {
  const { settings, keys, columns, inexact } = child;
  const all = [...keys, ...columns];
  const sameRow = keys.map((key, position) => `held.h${position} = ${storedCell(key, position)}`).join(" AND ");
  const compared = [...all.entries()].filter(([position]) => position >= keys.length || inexact.includes(position));
  const differs = `${inexact.length === 0 ? "" : "u.same > 1 OR "}NOT (${isEqual(compared, (position) => `held.h${position}`)})`;
  return `,
diff${index} AS MATERIALIZED (
  SELECT u.*, held.part, held.place FROM ${givenRows(shape, child, offset)}
  FULL JOIN ${heldRows(shape, child)} ON ${sameRow}
  WHERE u.c0 IS NULL OR held.place IS NULL OR ${differs}
),
gone${index} AS (
  DELETE FROM ${settings.relation} AS held
  WHERE held.ctid = ANY (ARRAY(SELECT place FROM diff${index} WHERE c0 IS NULL))
    AND (held.tableoid::text || held.ctid::text IN (SELECT part::text || place::text FROM diff${index} WHERE c0 IS NULL)) IS TRUE
  RETURNING 1
),
put${index} AS (
  INSERT INTO ${settings.relation} (${names(all)}) OVERRIDING SYSTEM VALUE
  SELECT ${cells(all)} FROM diff${index} AS u WHERE u.c0 IS NOT NULL AND ${afterDeletes(`gone${index}`)}
  ${onConflict(
    keys,
    compared.map(([, column]) => column),
  )}
)`;
};

/** The positions of those lost deliveries that are not superseded in the snapshot: other writers came between. */
const overtaken = (shape: FamilyShape, hasRemovals: boolean): string => {
  const { keys, columns, relations } = shape;
  const flags = hasRemovals ? `, $${keys.length + columns.length + 2}::boolean[]` : "";
  const isLive = `held.${removedColumn} IS NULL`;
  return `,
  CASE WHEN winners.number < cardinality(${argumentsFor(keys.slice(0, 1))}) THEN (
    SELECT string_agg(u.position::text, ',')
    FROM unnest(${argumentsFor(keys)}, ${versionsOf(shape)}${flags}) WITH ORDINALITY
      AS u(${aliases(keys)}, version${hasRemovals ? ", removed" : ""}, position)
    WHERE NOT EXISTS (SELECT FROM won WHERE ${sameKey(keys, "won")}) AND NOT EXISTS (
      SELECT FROM ${relations.versions} AS held WHERE ${sameKey(keys, "held")} AND (held.${versionColumn} > u.version
        OR (held.${versionColumn} = u.version AND ${hasRemovals ? `(u.removed OR ${isLive})` : isLive})))
  ) END AS overtaken`;
};

/**
 * The end of the statement. A surplus row that another program updates while the statement waits for it has another place then,
 * and is not deleted. So the statement fails (SQLSTATE 2201W), unless it is the last attempt: a trigger may keep rows.
 */
const failsWithSurplus = (children: readonly ChildPlan[], parameters: number): string => {
  const isMissed = children.map(
    (_, index) => `(SELECT count(*) FROM diff${index} WHERE c0 IS NULL) > (SELECT count(*) FROM gone${index})`,
  );
  return `
LIMIT CASE WHEN NOT $${parameters + 1}::boolean AND (${isMissed.join(" OR ")}) THEN -1 ELSE 1 END`;
};

const checkOf = ({ relations, keys, columns, children }: FamilyShape): string => {
  const all = [...keys, ...columns];
  const others = children.map((child) => {
    const own = [...child.keys, ...child.columns];
    return alsoSame(child.settings.relation, typeChecked(own), ...modifierCheck(child.settings.relation, own));
  });
  return columnCheck(relations.rows, typeChecked(all), ...modifierCheck(relations.rows, all), ...others);
};

/**
 * Returns the SQL that writes a batch with its children. Its result is one `WriteAnswer`. The last parameter tells whether this
 * is the last attempt.
 */
export const familyStatement = (shape: FamilyShape, hasRemovals: boolean): string => {
  const isInline = shape.relations.guard === "inline";
  const deletes = hasRemovals && !isInline;
  const parent = isInline ? "" : (deletes ? rowDeletes(shape) : "") + rowUpserts(shape, hasRemovals);
  let offset = shape.keys.length + shape.columns.length + (hasRemovals ? 2 : 1);
  const children: string[] = [];
  for (const [index, child] of shape.children.entries()) {
    children.push(childWrite(shape, child, index, offset));
    offset += child.keys.length + child.columns.length;
  }
  const gone = deletes ? "(SELECT count(*) FROM gone)::int" : "0";
  const result = answer(shape, gone, hasRemovals, overtaken(shape, hasRemovals));
  const end = failsWithSurplus(shape.children, offset);
  return `WITH ${checkOf(shape)},${winners(shape, hasRemovals)}${parent}${children.join("")}${result}${end}`;
};
