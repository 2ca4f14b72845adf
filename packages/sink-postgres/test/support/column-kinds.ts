// Column types of all kinds, with random values for them.

import type { PostgresRow } from "../../src/index.ts";
import type { Random } from "./random.ts";

/** Settings that change how Postgres prints values. */
export const otherSettings: string =
  "-c DateStyle=German,DMY -c TimeZone=Asia/Tokyo -c IntervalStyle=sql_standard -c extra_float_digits=-3 -c bytea_output=escape -c lc_monetary=C";

/** Makes a value. */
export type Make = (random: Random) => PostgresRow[string];

/** One of the values. */
export const pick = <Value>(random: Random, values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value;

const digits = (random: Random, count: number): string =>
  Array.from({ length: count }, () => Math.floor(random() * 10)).join("");

const numberText: Make = (random) =>
  pick(random, [
    "0",
    "1.50",
    "-1.005",
    "12345678901234567890.12345678901234567",
    `${digits(random, 3)}.${digits(random, 4)}`,
  ]);

const anyText: Make = (random) =>
  pick(random, [
    "",
    "null",
    "NULL",
    "a ",
    "  ",
    "a,b",
    'q"\\',
    "{1,2}",
    '{"a": 1.0}',
    "ä\n\u{1f600}",
    digits(random, 4),
  ]);

const anyJson: Make = (random) =>
  pick<PostgresRow[string]>(random, [
    { b: 1, a: [true, null, { c: "x" }] },
    { a: [true, null, { c: "x" }], b: 1 },
    [1.5, "1.5", { __proto__: null, s: digits(random, 2) }],
    "null",
    "",
    7,
    true,
    [],
    {},
  ]);

const day = (random: Random): string =>
  `${1900 + Math.floor(random() * 200)}-0${1 + Math.floor(random() * 9)}-1${digits(random, 1)}`;
const clock = (random: Random): string =>
  `1${digits(random, 1)}:2${digits(random, 1)}:3${digits(random, 1)}.${digits(random, 6)}`;
const zones = ["Z", "+05:30", "-11"];
const stamp = (random: Random): string => `${day(random)}T${clock(random)}`;
const whole =
  (most: number): Make =>
  (random) =>
    Math.floor((random() * 2 - 1) * most);

/** Types, and functions that make values, of which some do not fit. */
export const kinds: readonly (readonly [type: string, make: Make])[] = [
  ["text", anyText],
  ["text", anyJson],
  ["varchar(3)", anyText],
  ["char(4)", anyText],
  ['"char"', (random) => pick(random, ["a", "b"])],
  ["citext", anyText],
  ["name", anyText],
  ["smallint", whole(32_767)],
  ["integer", whole(40_000_000)],
  ["bigint", (random) => BigInt(`-9${digits(random, 17)}`)],
  ["numeric", numberText],
  ["numeric(9,2)", numberText],
  ["real", (random) => pick<PostgresRow[string]>(random, [0.1, -0, 1e30, "NaN", "-Infinity", random()])],
  [
    "double precision",
    (random) => pick<PostgresRow[string]>(random, [0.1, -0, "-0", 1e300, "NaN", "Infinity", random()]),
  ],
  ["boolean", (random) => pick(random, [true, false, "yes", "x"])],
  ["bytea", (random) => Buffer.from(digits(random, 5))],
  ["json", anyJson],
  ["jsonb", anyJson],
  ["date", (random) => pick(random, [day(random), "infinity", "0044-03-15 BC"])],
  ["timestamp", stamp],
  ["timestamp(0)", stamp],
  ["timestamptz", (random) => stamp(random) + pick(random, zones)],
  ["timestamptz(3)", (random) => stamp(random) + pick(random, zones)],
  ["time", clock],
  ["timetz", (random) => clock(random) + pick(random, zones)],
  ["interval", (random) => pick(random, ["1 day", "24:00:00", "-1 mon -2 days", "1.5 hours", "P1Y2M"])],
  ["interval day to minute", (random) => pick(random, ["1 day 02:03:04", "5", "-3 days"])],
  ["uuid", (random) => `AAAAAAAA-bbbb-4ccc-8ddd-0000${digits(random, 8)}`],
  ["inet", (random) => `10.0.0.${digits(random, 2)}`],
  ["macaddr", () => "08:00:2b:01:02:03"],
  ["bit(3)", (random) => pick(random, ["101", "010", "1"])],
  ["varbit(3)", (random) => pick(random, ["101", "1", "1010"])],
  ["money", (random) => `${digits(random, 3)}.25`],
  ["mood", (random) => pick(random, ["sad", "glad", "other"])],
  ["short", anyText],
  ["positive", whole(10)],
  ["pair", (random) => pick(random, ["(,)", '(1,"a b")', "(2,)"])],
  ["int4range", (random) => pick(random, ["[1,3]", "[1,4)", "empty"])],
  ["tstzrange", (random) => `[${stamp(random)}Z,infinity)`],
  ["tsvector", (random) => pick(random, ["a b", "'x':1 y", "'"])],
  ["point", (random) => `(${random()},-0)`],
  ["integer[]", (random) => pick<PostgresRow[string]>(random, [[1, 2], [], [[1], [2]], "[2:3]={1,2}"])],
  ["text[]", (random) => pick<PostgresRow[string]>(random, [["a", null], ["null"], new Set(["x", "y"]), []])],
  ["varchar(2)[]", (random) => pick<PostgresRow[string]>(random, [["a", "b  "], ["abc"], [["a"], ["bc"]]])],
  ["numeric(4,1)[]", (random) => [numberText(random)]],
  ["timestamptz[]", (random) => [`${stamp(random)}Z`, null]],
  ["jsonb[]", (random) => [anyJson(random), { a: 1 }]],
  ["float8[]", (random) => [random(), "NaN"]],
  ["oid", (random) => Number(digits(random, 6))],
  ["xid8", (random) => digits(random, 6)],
];

/** Creates the types of `kinds` that Postgres does not have. */
export const prepare = `CREATE EXTENSION IF NOT EXISTS citext; CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN short AS varchar(4); CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TYPE pair AS (n int, t text)`;
