// Tables in Postgres as targets of the verification suite.

import { type PostgresGuard, postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
import type { Copy, OpenReplica } from "./replica.ts";

const columns = { pk: "text", total: "numeric", label: "text", kind: "text" };

/** Opens tables in one database. */
export const postgresReplicas =
  (url: string, guard: PostgresGuard): OpenReplica =>
  async (name) => {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    pool.on("error", () => undefined);
    const table = `orders_${name}`;
    const key = ["pk"];
    await postgresSink({ pool, table, guard, key, columns }).ensure();
    return {
      sink: postgresSink({ pool, table, guard, key, columns: Object.keys(columns) }) as never,
      messageOf: (_, copy) => copy,
      forget: async (pk) => {
        await pool.query(`DELETE FROM ${table} WHERE pk = $1`, [pk]);
        if (guard === "version-table") await pool.query(`DELETE FROM ${table}_sluice WHERE pk = $1`, [pk]);
      },
      ...(guard === "version-table" && {
        unversion: async (pk) => {
          await pool.query(`DELETE FROM ${table}_sluice WHERE pk = $1`, [pk]);
        },
      }),
      rows: async () => {
        const { rows } = await pool.query<Record<string, string | null>>(
          `SELECT pk, total::float8 AS total, label, kind FROM ${table}`,
        );
        return new Map(
          rows.map(({ pk, ...row }) => [
            pk ?? "",
            Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Copy,
          ]),
        );
      },
      close: () => pool.end(),
    };
  };

const childColumns = { pk: "text", total: "numeric", kind: "text" };
const childRows = [{ table: "", of: "lines", position: "place", columns: { text: "text" } }] as const;

/** The elements of the list: the label's characters between two marks, so that even a copy without a label has lines. */
const linesOf = ({ label }: Copy): readonly string[] => [">", ...(label === undefined ? [] : [String(label)]), "<"];

/** Damages to lines as other programs could do them. `$1` is the item's key. */
const damages = (lines: string): readonly [string, ...string[]] => [
  `DELETE FROM ${lines} WHERE pk = $1 AND place = 0`,
  `INSERT INTO ${lines} (pk, place, text) SELECT pk, 9, 'more' FROM ${lines} WHERE pk = $1 AND place = 0`,
  `UPDATE ${lines} SET text = 'wrong' WHERE pk = $1 AND place = 1`,
  `UPDATE ${lines} AS one SET text = other.text FROM ${lines} AS other
   WHERE one.pk = $1 AND other.pk = $1 AND one.place IN (0, 1) AND other.place = 1 - one.place`,
  `DELETE FROM ${lines} WHERE pk = $1`,
];

/** Opens tables in one database, of which one has the lines of a list. */
export const childReplicas =
  (url: string, guard: PostgresGuard): OpenReplica =>
  async (name) => {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    pool.on("error", () => undefined);
    const [table, lines] = [`orders_${name}`, `lines_${name}`];
    const key = ["pk"];
    const versions = `${table}${guard === "inline" ? "_with_tombstones" : "_sluice"}`;
    const options = { pool, table, guard, key };
    const [child] = childRows;
    await postgresSink({ ...options, columns: childColumns, children: [{ ...child, table: lines }] }).ensure();
    const children = [{ ...child, table: lines, columns: Object.keys(child.columns) }];
    return {
      sink: postgresSink({ ...options, columns: Object.keys(childColumns), children }) as never,
      messageOf: (_, { label, ...copy }) => ({
        ...copy,
        lines: linesOf({ ...(label && { label }) }).map((text) => ({ text })),
      }),
      forget: async (pk) => {
        await pool.query(`DELETE FROM ${lines} WHERE pk = $1`, [pk]);
        if (guard === "version-table") await pool.query(`DELETE FROM ${table} WHERE pk = $1`, [pk]);
        await pool.query(`DELETE FROM ${versions} WHERE pk = $1`, [pk]);
      },
      ...(guard === "version-table" && {
        unversion: async (pk) => {
          await pool.query(`DELETE FROM ${versions} WHERE pk = $1`, [pk]);
        },
      }),
      damage: async (pk, random) => {
        const { rowCount } = await pool.query(random.pick(damages(lines)), [pk]);
        return (rowCount ?? 0) > 0;
      },
      rows: async () => {
        const { rows } = await pool.query<{
          pk: string;
          total: number | null;
          kind: string | null;
          lines: string[] | null;
        }>(
          `SELECT pk, total::float8 AS total, kind, (SELECT array_agg(text ORDER BY place) FROM ${lines} WHERE pk = o.pk) AS lines
           FROM ${table} AS o`,
        );
        const orphans = await pool.query<{ pk: string }>(
          `SELECT DISTINCT pk FROM ${lines} WHERE NOT EXISTS (SELECT FROM ${table} AS o WHERE o.pk = ${lines}.pk)`,
        );
        const copyOf = ({ total, kind, lines: found }: (typeof rows)[number]): Copy => {
          const [first, ...rest] = found ?? [];
          const last = rest.pop();
          const label = first === ">" && last === "<" && rest.length < 2 ? rest[0] : "damaged";
          return {
            ...(total !== null && { total }),
            ...(kind !== null && { kind }),
            ...(label !== undefined && { label }),
          };
        };
        return new Map([
          ...rows.map((row): [string, Copy] => [row.pk, copyOf(row)]),
          ...orphans.rows.map(({ pk }): [string, Copy] => [pk, { label: "orphan" }]),
        ]);
      },
      close: () => pool.end(),
    };
  };
