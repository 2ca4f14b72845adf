// Lists the live copies of the table, page by page, in the order of the key's index.

import { type HeldKey, type KeysPage, type KeysRequest, SinkError } from "@sluice/core/sink-kit";
import type { Session } from "../client/session.ts";
import type { PostgresSettings } from "../options.ts";
import { ownerColumn, quoteName, removedColumn, versionColumn } from "../schema/relations.ts";
import { columnCheck } from "../write/column-check.ts";
import type { Plans, WritePlan } from "../write/plan.ts";
import { matching, names } from "../write/statements.ts";
import type { WrittenColumn } from "../write/written-columns.ts";
import { textOf } from "./cell-text.ts";
import { compileKeyImage, type KeyTexts, sourceText } from "./key-image.ts";
import { type CheckedRow, checked } from "./read-statements.ts";

interface KeyRow extends CheckedRow, KeyTexts {
  readonly version: string | null;
  /** The key columns as Postgres reads them again, as JSON. */
  readonly place: string;
}

/** Types whose text depends on settings of the session, but whose text in JSON does not. */
const isTime = ({ baseType }: WrittenColumn): boolean => /^(date|timestamp with)/.test(baseType);

const isFloat = ({ baseType }: WrittenColumn): boolean => baseType === "real" || baseType === "double precision";

/** The text of a float may have too few digits to find the row again, so its bytes are taken. */
const placeText = (column: WrittenColumn, cell: string): string => {
  if (isFloat(column)) return textOf(column, cell);
  return isTime(column) ? `to_jsonb(${cell}) #>> '{}'` : `${cell}::text`;
};

/** Reads a float from its bytes. The text that JavaScript writes is exact. */
const floatOf = (hex: string): string | undefined => {
  const bytes = Buffer.from(hex, "hex");
  if (bytes.length === 4) return String(bytes.readFloatBE());
  return bytes.length === 8 ? String(bytes.readDoubleBE()) : undefined;
};

/**
 * Wraps a condition. Without statistics, Postgres expects an equation or a NULL in one row of 200, and would rather read and sort
 * the whole table for each page than follow the index. For COALESCE it expects every second row.
 */
const likely = (condition: string): string => `COALESCE(${condition}, false)`;

/** The parts are divided by a hash of the key, which is the same in each session. */
const ofPart = (keys: readonly WrittenColumn[]): string => {
  const text = keys.map((key) => `${textOf(key, `live.${quoteName(key.name)}`)} COLLATE "C"`).join(` || chr(1) || `);
  return likely(`abs(hashtextextended(${text}, 0) % $2::bigint) = $1::bigint`);
};

interface PageShape {
  readonly isFirst: boolean;
  readonly hasParts: boolean;
}

/**
 * A tombstone with rows in child tables counts as a copy, too: other programs can add such rows. OFFSET 0 keeps Postgres
 * from reading a whole child table.
 */
const isHeld = ({ keys, children }: WritePlan): string => {
  const left = children.map((child) => {
    const own = keys.map(
      (key, index) => `one.${quoteName(child.keys[index]?.name ?? "")} = live.${quoteName(key.name)}`,
    );
    return `EXISTS (SELECT FROM ${child.settings.relation} AS one WHERE ${own.join(" AND ")} OFFSET 0)`;
  });
  return likely([`live.${removedColumn} IS NULL`, ...left].join(" OR "));
};

/** Parameters: the part, the number of parts, the maximum number of keys, and the key at which the page before ended. */
const keysStatement = (settings: PostgresSettings, plan: WritePlan, { isFirst, hasParts }: PageShape): string => {
  const { rows, versions, guard } = settings.relations;
  const { indexed: keys, shared } = plan;
  const cells = names(keys, "live.");
  const places = keys.map(({ type }, index) => `$${index + 4}::text::${type}`).join(", ");
  const conditions = [
    "(SELECT same FROM sluice_shape)",
    hasParts ? ofPart(keys) : "$1::bigint < $2::bigint",
    ...keys.map(({ name }) => `live.${quoteName(name)} IS NOT NULL`),
    ...(isFirst ? [] : [`(${cells}) > (${places})`]),
    ...(guard === "inline" ? [isHeld(plan)] : []),
  ];
  const held = guard === "inline" ? "live" : "held";
  const join =
    guard === "inline"
      ? ""
      : `LEFT JOIN LATERAL (SELECT * FROM ${versions} AS one WHERE ${matching(keys, "one", "live")} OFFSET 0) AS held ON true`;
  const texts = keys.map((key, index) => `${sourceText(key, `live.${quoteName(key.name)}`)} AS k${index}`);
  const place = keys.map((key) => placeText(key, `live.${quoteName(key.name)}`)).join(", ");
  return checked(
    columnCheck(
      rows,
      keys.map((key) => ({ ...key, checkedType: key.typeOid })),
    ),
    `
  SELECT (row_number() OVER ())::text AS position, page.* FROM (
    SELECT ${texts.join(", ")}, json_build_array(${place})::text AS place, ${held}.${versionColumn} AS version${
      shared.hasOwners ? `, held.${ownerColumn} AS owner` : ""
    }
    FROM (SELECT * FROM ${rows} AS live WHERE ${conditions.join(" AND ")} ORDER BY ${cells} LIMIT $3::bigint) AS live ${join}
    ORDER BY ${cells}
  ) AS page`,
  );
};

const placeOf = (sink: string, after: string, keys: readonly WrittenColumn[]): string[] => {
  const wrong = (): SinkError =>
    new SinkError(
      "SINK_REJECTED",
      `[${sink}] "after" is no end of a page of this table; expected \`next\` of the page before`,
    );
  let place: unknown;
  try {
    place = JSON.parse(after);
  } catch {
    throw wrong();
  }
  if (!Array.isArray(place) || place.length !== keys.length) throw wrong();
  return keys.map((key, index) => {
    const text: unknown = place[index];
    if (typeof text !== "string") throw wrong();
    const found = isFloat(key) ? floatOf(text) : text;
    if (found === undefined) throw wrong();
    return found;
  });
};

/** What a page of keys needs. */
interface KeysCall {
  readonly session: Session;
  readonly settings: PostgresSettings;
  readonly plans: Plans;
}

const readRows = async (
  { session, settings }: KeysCall,
  plan: WritePlan,
  { part, parts, after, limit }: KeysRequest,
): Promise<readonly KeyRow[]> => {
  const place = after === undefined ? [] : placeOf(settings.name, after, plan.indexed);
  const text = keysStatement(settings, plan, { isFirst: after === undefined, hasParts: parts > 1 });
  return (await session.query(text, [part, parts, limit, ...place])).rows as readonly KeyRow[];
};

const maxAttempts = 3;

/** Lists a page of live copies. @throws {SinkError} when Postgres cannot answer. */
export const listKeys = async (call: KeysCall, request: KeysRequest): Promise<KeysPage> => {
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const plan = await (attempt === 1 ? call.plans.current(call.session) : call.plans.renew(call.session));
    const rows = await readRows(call, plan, request);
    if (rows[0]?.current !== true) continue;
    const found = rows.filter(({ position }) => position !== null);
    const imageOf = compileKeyImage(plan, request.keyTypes);
    const keys = found.map((row): HeldKey => ({ keys: imageOf(row), version: row.version ?? "" }));
    return { keys, next: found.length < request.limit ? undefined : found.at(-1)?.place };
  }
  throw new SinkError("SINK_CONFLICT", `[${call.settings.name}] the key columns changed during the read`);
};
