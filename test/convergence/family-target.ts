// The Postgres sink with children as a target of the convergence suite: a list, a set in each of its elements, and a map. A
// copy is the item's row with the rows of all child tables.

import { type PostgresGuard, type PostgresRow, postgresSink } from "@sluice/sink-postgres";
import type { SpecimenItem } from "@sluice/testing";
import pg from "pg";
import { type FamilyRows, familyOf, type Row, withCollections } from "./family-items.ts";
import { columns, copyOf, copyOfRow, key, type Mutation } from "./postgres-target.ts";
import type { Copy, Target, Variant } from "./target.ts";

const childrenWith = <Columns>(columnsOf: {
  readonly lines: Columns;
  readonly serials: Columns;
  readonly labels: Columns;
}) => [
  {
    table: "lines",
    of: "lines",
    position: "line",
    columns: columnsOf.lines,
    children: [{ table: "serials", of: "serials", elementKey: ["serial"], columns: columnsOf.serials }],
  },
  { table: "labels", of: "labels", memberName: "name", columns: columnsOf.labels },
];

const declared = childrenWith<
  Readonly<Record<string, string | { readonly path: string | readonly string[]; readonly type: string }>>
>({
  lines: { sku: "text", quantity: { path: "qty", type: "integer" }, price: "numeric" },
  serials: { serial: { path: [], type: "text" } },
  labels: { value: { path: [], type: "text" } },
});

const named = childrenWith<readonly string[]>({
  lines: ["sku", "quantity", "price"],
  serials: ["serial"],
  labels: ["value"],
});

/** The tables of the children. The foreign keys hold at the end of each statement. */
const tables = (parent: string, hasForeignKeys: boolean): string => {
  const references = (table: string, own: string): string =>
    hasForeignKeys ? `, FOREIGN KEY (${own}) REFERENCES ${table}` : "";
  return `
    CREATE TABLE lines (pk text, sk text, line int, sku text NOT NULL, quantity int, price numeric,
      PRIMARY KEY (pk, sk, line)${references(parent, "pk, sk")});
    CREATE TABLE serials (pk text, sk text, line int, serial text,
      PRIMARY KEY (pk, sk, line, serial)${references("lines", "pk, sk, line")});
    CREATE TABLE labels (pk text, sk text, name text, value text NOT NULL,
      PRIMARY KEY (pk, sk, name)${references(parent, "pk, sk")})`;
};

type Item = SpecimenItem & {
  readonly lines?:
    | readonly {
        readonly sku: string;
        readonly qty?: unknown;
        readonly price?: unknown;
        readonly serials?: ReadonlySet<string>;
      }[]
    | null;
  readonly labels?: Readonly<Record<string, string>>;
};

const toRow = ({ after }: { readonly after: Item }): PostgresRow => {
  const { pk: _pk, sk: _sk, lines, labels, ...row } = after;
  return {
    ...row,
    lines: lines?.map(({ qty, serials, ...line }) => ({
      ...line,
      quantity: qty,
      serials: [...(serials ?? [])].map((serial) => ({ serial })),
    })),
    labels: labels && new Map(Object.entries(labels).map(([name, value]) => [name, { value }])),
  } as PostgresRow;
};

const selects: Readonly<Record<keyof FamilyRows, string>> = {
  lines: "SELECT pk, line::text, sku, quantity::text, price::text FROM lines ORDER BY pk, sk, line",
  serials: `SELECT pk, line::text, serial FROM serials ORDER BY pk, sk, line, serial COLLATE "C"`,
  labels: `SELECT pk, name, value FROM labels ORDER BY pk, sk, name COLLATE "C"`,
};

const names = Object.keys(selects) as (keyof FamilyRows)[];

const textOfFamily = (family: FamilyRows): Copy =>
  Object.fromEntries(names.map((name) => [name, JSON.stringify(family[name])]));

/** Reads all tables. A child row without its parent appears as a copy that has no columns. */
const readFamilies = async (pool: pg.Pool): Promise<ReadonlyMap<string, Copy>> => {
  const list = Object.keys(columns).map((column) => `${column}::text`);
  const found = await pool.query<Record<string, string | null>>(`SELECT ${list.join(", ")} FROM specimens`);
  const parents = new Map(found.rows.map((row) => [row.pk ?? "", copyOfRow(row)]));
  const families = new Map<string, Record<keyof FamilyRows, Row[]>>();
  const familyAt = (pk: string): Record<keyof FamilyRows, Row[]> => {
    const family = families.get(pk) ?? { lines: [], serials: [], labels: [] };
    families.set(pk, family);
    return family;
  };
  for (const pk of parents.keys()) familyAt(pk);
  for (const name of names) {
    const { rows } = await pool.query<string[]>({ text: selects[name], rowMode: "array" });
    for (const [pk = "", ...row] of rows) familyAt(pk)[name].push(row);
  }
  return new Map([...families].map(([pk, family]) => [pk, { ...parents.get(pk), ...textOfFamily(family) }]));
};

/**
 * Opens a target with empty tables. Without foreign keys a defect cannot end in a violation, so the copies show it.
 */
export const openFamilies = async (
  url: string,
  guard: PostgresGuard,
  { hasForeignKeys, mutation = {} }: { readonly hasForeignKeys: boolean; readonly mutation?: Mutation },
): Promise<Target<never>> => {
  const real = new pg.Pool({ connectionString: url, max: 8 });
  // When the server stops, idle connections emit an error event. Without a listener the event would end the process.
  real.on("error", () => undefined);
  await postgresSink({ pool: real, table: "specimens", guard, key, columns }).ensure();
  await real.query(tables(guard === "inline" ? "specimens_with_tombstones" : "specimens", hasForeignKeys));
  const options = { pool: mutation.pool?.(real) ?? real, table: "specimens", guard, key };
  const mapped = postgresSink({ ...options, columns, children: declared });
  const rows = postgresSink({ ...options, columns: Object.keys(columns), children: named });
  return {
    variants: [
      { sink: mapped as Variant<never>["sink"] },
      { sink: rows as unknown as Variant<never>["sink"], map: toRow as unknown as NonNullable<Variant<never>["map"]> },
    ],
    extend: withCollections,
    readAll: () => readFamilies(real),
    copyOf: (image) => ({ ...copyOf(image), ...textOfFamily(familyOf(image)) }),
    purge: () => mapped.purge(),
    close: () => real.end(),
  };
};
