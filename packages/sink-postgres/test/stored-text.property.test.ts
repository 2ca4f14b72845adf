// For random cells of each type: a text that is computed without Postgres is the text that Postgres has after it stored the
// cell, also in a session with other settings. Postgres' own answer is the reference.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import type { Session } from "../src/client/session.ts";
import { comparedText, textOf } from "../src/read/cell-text.ts";
import { storedTextOf } from "../src/read/stored-text.ts";
import { type CatalogueColumn, readCatalogue } from "../src/schema/catalogue.ts";
import { type Database, newDatabase } from "./support/deliveries.ts";
import { type Random, randomOf } from "./support/random.ts";
import { poolWith } from "./support/reads.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

const firstSeed = Number(process.env.SLUICE_SEED ?? 20_261_128);
const cellsPerType = 3_000;

const otherSettings =
  "-c DateStyle=German,DMY -c TimeZone=Asia/Tokyo -c extra_float_digits=-3 -c bytea_output=escape -c xmloption=content";

type Make = (random: Random) => string;

const whole = (random: Random, most: number): number => Math.floor(random() * most);
const pick = (random: Random, texts: readonly string[]): string => texts[whole(random, texts.length)] as string;
const repeated = (random: Random, most: number, make: Make): string =>
  Array.from({ length: whole(random, most + 1) }, () => make(random)).join("");
const digit: Make = (random) => String(whole(random, 10));
const zeroOrDigit: Make = (random) => (random() < 0.4 ? "0" : digit(random));
const digits =
  (most: number): Make =>
  (random) =>
    digit(random) + repeated(random, most, zeroOrDigit);

const signed =
  (most: number): Make =>
  (random) =>
    pick(random, ["", "-", "-", "+", " "]) + pick(random, ["", "", "", "0", "00"]) + digits(most)(random);

const decimal: Make = (random) =>
  signed(pick(random, ["1", "3", "20"]).length * 6)(random) +
  pick(random, ["", `.${digits(8)(random)}`, `.${digits(3)(random)}000`, ".", ".0"]);

const float: Make = (random) => {
  if (random() < 0.3) {
    const bits = Buffer.from(Array.from({ length: 8 }, () => whole(random, 256)));
    return String(bits.readDoubleBE());
  }
  return (
    decimal(random) + pick(random, ["", "", `e${signed(2)(random).trim()}`, `E+${digit(random)}`, "e-400", "e-310"])
  );
};

const characters = [
  "a",
  "B",
  " ",
  "'",
  '"',
  "\\",
  "\n",
  "\t",
  "\u0001",
  "\u007f",
  "é",
  "ß",
  "\u2028",
  "\u{1f600}",
  "{",
  ",",
];
const text: Make = (random) =>
  random() < 0.02 ? pick(random, ["\ud800", "x\udc00", "a\0b"]) : repeated(random, 9, (one) => pick(one, characters));

const jsonValue = (random: Random, levels: number): string => {
  const kind = levels === 0 ? whole(random, 4) : whole(random, 6);
  if (kind === 0) return JSON.stringify(text(random).replace(/[\0\p{Surrogate}]/gu, ""));
  if (kind === 1) return pick(random, ["null", "true", "false", "{}", "[]"]);
  if (kind < 4) {
    const wholePart = digits(pick(random, ["a", "b", "cc"]).length * 9)(random).replace(/^0+(?=\d)/, "");
    const fraction = pick(random, ["", `.${digits(6)(random)}`, ".50", ".000", ".0000001"]);
    return pick(random, ["", "-"]) + wholePart + fraction + pick(random, ["", "", "", "e3", "E-2"]);
  }
  const spaces = pick(random, ["", " ", "\n "]);
  const inner = (): string => jsonValue(random, levels - 1);
  if (kind === 4) return `[${Array.from({ length: whole(random, 4) }, inner).join(`,${spaces}`)}]`;
  const name = (): string =>
    JSON.stringify(
      pick(random, [
        "a",
        "b",
        "aa",
        "é",
        "z",
        "\u{1f600}",
        "ﬀ",
        "__proto__",
        "10",
        "9",
        "",
        'q"',
        "5e3",
        "constructor",
      ]),
    );
  return `{${Array.from({ length: whole(random, 6) }, () => `${name()}:${spaces}${inner()}`).join(",")}}`;
};

const two: Make = (random) => String(whole(random, 70)).padStart(2, "0");
const day: Make = (random) =>
  `${pick(random, ["0000", "0001", "0044", "1582", "1900", "2000", "2024", "2026", "9999"])}-${pick(random, ["01", "02", "02", "10", "12", "13", "00"])}-${pick(random, ["01", "28", "29", "30", "31", "32", "00"])}`;
const moment: Make = (random) => {
  const time = `${String(whole(random, 26)).padStart(2, "0")}:${two(random)}:${two(random)}`;
  return `${day(random)}T${time}${pick(random, ["", `.${digits(5)(random)}`, ".500", ".000", ".1234567"])}${pick(random, ["Z", "Z", "Z", "", "+02"])}`;
};

const hex: Make = (random) => whole(random, 16).toString(16);
const uuid: Make = (random) => {
  const part = (length: number): string => Array.from({ length }, () => hex(random)).join("");
  const found = `${part(8)}-${part(4)}-${part(4)}-${part(4)}-${part(12)}`;
  return pick(random, [found, found.toUpperCase(), `{${found}}`, found.replaceAll("-", "")]);
};

const kinds: readonly (readonly [type: string, make: Make])[] = [
  ["text", text],
  ["varchar", text],
  ["varchar(3)", text],
  ["smallint", signed(5)],
  ["integer", signed(11)],
  ["bigint", signed(20)],
  ["numeric", decimal],
  ["numeric(9,2)", decimal],
  ["numeric(3,0)", decimal],
  ["double precision", float],
  ["boolean", (random) => pick(random, ["true", "false", "t", "no", "1"])],
  ["bytea", (random) => `\\x${repeated(random, 8, hex)}`],
  ["uuid", uuid],
  ["date", (random) => pick(random, [day(random), moment(random), "infinity"])],
  ["timestamp", moment],
  ["timestamptz", moment],
  ["jsonb", (random) => jsonValue(random, 3)],
];

/** Types of which only Postgres tells the stored text. */
const askedTypes = [
  "char(3)",
  "citext",
  "name",
  "real",
  "timestamp(0)",
  "timestamptz(3)",
  "numeric(3,-2)",
  "json",
  "text[]",
  "money",
  "short",
  "day",
];

const columnsOf = async (database: Database, types: readonly string[]): Promise<readonly CatalogueColumn[]> => {
  await database.sql(
    "CREATE EXTENSION IF NOT EXISTS citext; CREATE DOMAIN short AS text CHECK (length(VALUE) < 3); CREATE DOMAIN day AS date",
  );
  await database.sql(`CREATE TABLE t (${types.map((type, index) => `c${index} ${type}`).join(", ")})`);
  const session = {
    query: (query: string, values: unknown[]) => database.pool.query(query, values),
  } as unknown as Session;
  return (await readCatalogue(session, "t"))?.columns ?? [];
};

describeWithPostgres("the text of a stored cell", (engine) => {
  test(`is the one that Postgres has, wherever it is computed here (seed ${firstSeed})`, async () => {
    const database = await newDatabase(engine);
    const columns = await columnsOf(database, [...kinds.map(([type]) => type), ...askedTypes]);
    const other = poolWith(database, otherSettings);
    for (const [index, [type, make]] of kinds.entries()) {
      const random = randomOf(firstSeed + index);
      const column = columns[index] as CatalogueColumn;
      const stored = storedTextOf(column);
      const computed = Array.from({ length: cellsPerType }, () => make(random)).flatMap((cell) => {
        const found = stored?.(cell);
        return found === undefined ? [] : [{ cell, text: found }];
      });
      expect({ type, isOften: computed.length > cellsPerType / 20 }).toEqual({ type, isOften: true });
      for (const pool of [database.pool, other]) {
        const { rows } = await pool.query(
          `SELECT ${textOf(column, `(u.c::${column.fullType})`)} AS text FROM unnest($1::text[]) WITH ORDINALITY AS u(c, n) ORDER BY n`,
          [computed.map(({ cell }) => cell)],
        );
        const asked = rows.map((row, position) => ({
          cell: computed[position]?.cell,
          text: comparedText(column.baseType, row.text, () => false),
        }));
        expect({ type, found: computed }).toEqual({ type, found: asked });
      }
    }
    for (const [index, type] of askedTypes.entries()) {
      const column = columns[kinds.length + index] as CatalogueColumn;
      expect({ type, isComputed: storedTextOf(column) !== undefined }).toEqual({ type, isComputed: false });
    }
    await other.end();
    await database.close();
  });
});
