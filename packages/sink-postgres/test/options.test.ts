import { describe, expect, test } from "@jest/globals";
import type { PostgresConnection } from "../src/client/connection.ts";
import { postgresSink } from "../src/index.ts";
import { checkOptions, type PostgresSinkOptions } from "../src/options.ts";

const pool = { connect: () => Promise.reject(new Error("no I/O")), end: async () => undefined };
const base: PostgresSinkOptions = { pool, table: "orders" };

const expectInvalid = (options: unknown, option: string): void => {
  expect(() => postgresSink(options as PostgresSinkOptions & { columns: string[] })).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(option) }),
  );
};

const connectionOf = (connection: PostgresConnection) => {
  const { source } = checkOptions({ table: "orders", connection });
  if (!("settings" in source)) throw new Error("expected settings");
  return source.settings;
};

describe("options", () => {
  test.each([
    ["table", { ...base, table: "" }],
    ["table", { ...base, table: "a\0b" }],
    ["table", { ...base, table: "x".repeat(60) }],
    ['{ schema: "app", table: "orders" }', { ...base, table: "app.orders" }],
    ["table", { ...base, table: "a\ud800" }],
    ["schema", { ...base, schema: "x".repeat(64) }],
    ["columns", { ...base, columns: ["x".repeat(64)] }],
    ["columns", { ...base, columns: ["\u{1f600}".repeat(16)] }],
    ["columns", { ...base, columns: ["a", "ctid"] }],
    ["columns", { ...base, columns: { xmin: "text" } }],
    ["columns", { ...base, columns: { sluice_version: "text" } }],
    ["columns", { ...base, columns: ["a", "sluice_removed_at"] }],
    ["key", { ...base, key: { sluice_owner: "id" } }],
    ["columns", { ...base, columns: { "a\0": "text" } }],
    ["key", { ...base, key: ["tableoid"] }],
    ["key", { ...base, key: { ["x".repeat(64)]: "id" } }],
    ['"tabel"', { ...base, tabel: "orders" }],
    ["schema", { ...base, schema: "" }],
    ["guard", { ...base, guard: "both" }],
    ["name", { ...base, name: "" }],
    ["timeoutMs", { ...base, timeoutMs: 0 }],
    ["timeoutMs", { ...base, timeoutMs: Number.POSITIVE_INFINITY }],
    ["pool", { table: "orders" }],
    ["pool", { ...base, connection: { host: "localhost" } }],
    ["pool", { ...base, pool: {} }],
    ["key", { ...base, key: [] }],
    ["key", { ...base, key: { id: 1 } }],
    ["key", { ...base, key: "id" }],
    ["columns", { ...base, columns: "title" }],
    ["columns", { ...base, columns: [""] }],
    ["columns", { ...base, columns: { title: "text; DROP TABLE orders" } }],
    ["columns", { ...base, columns: { title: { path: "a..b", type: "text" } } }],
    ["columns", { ...base, columns: { title: { path: [1], type: "text" } } }],
    ["columns", { ...base, columns: { title: {} } }],
    ["connection", { table: "orders", connection: "host" }],
    ["host", { table: "orders", connection: {} }],
    ["host", { table: "orders", connection: { host: "a", connectionString: "postgresql://a" } }],
    ["connection.connectionString", { table: "orders", connection: { connectionString: "not a url" } }],
    ["connection.ssl", { table: "orders", connection: { host: "db.example.com", ssl: false } }],
    ["connection.ssl", { table: "orders", connection: { host: "db.example.com", ssl: { rejectUnauthorized: false } } }],
    [
      "connection.ssl",
      { table: "orders", connection: { host: "db.example.com", ssl: { checkServerIdentity: () => undefined } } },
    ],
    ["connection.max", { table: "orders", connection: { host: "localhost", max: -1 } }],
  ])("a wrong %s is refused by name", (option, options) => {
    expectInvalid(options, option);
  });

  test("are copied, so that a later change of the caller's object has no effect", () => {
    const key = ["id"];
    const settings = checkOptions({ ...base, key });
    key.push("other");
    expect(settings.key).toEqual(["id"]);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  test.each([
    "text",
    "numeric(38, 2)",
    "timestamp with time zone",
    "timestamp(3) with time zone",
    "int4[]",
    "double precision",
    '"Shop".mood',
    "public.mood[]",
  ])("%s may be declared as a type", (type) => {
    expect(() => postgresSink({ pool, table: "orders", columns: { title: type } })).not.toThrow();
  });

  test("names are quoted, and versions are in a separate relation", () => {
    const { relations } = checkOptions({ ...base, schema: 'a"b', table: "Orders" });
    expect(relations).toMatchObject({
      table: '"a""b"."Orders"',
      rows: '"a""b"."Orders"',
      versions: '"a""b"."Orders_sluice"',
    });
    expect(checkOptions({ ...base, guard: "inline" }).relations.rows).toBe('"orders_with_tombstones"');
  });

  test("neither the factory nor close without a write connects", async () => {
    const sink = postgresSink({ connection: { host: "db.invalid" }, table: "orders" });
    expect(sink).toMatchObject({ name: "postgres", supports: { writes: "upsert" } });
    await sink.close();
    await sink.close();
  });
});

describe("the pool that the sink creates", () => {
  test("verifies TLS by default, except to this machine", () => {
    expect(connectionOf({ host: "db.example.com" }).ssl).toEqual({ rejectUnauthorized: true });
    expect(connectionOf({ connectionString: "postgresql://u@db.example.com:5432/x" }).ssl).toEqual({
      rejectUnauthorized: true,
    });
    expect(connectionOf({ host: "db.example.com", ssl: { ca: "PEM" } }).ssl).toEqual({
      ca: "PEM",
      rejectUnauthorized: true,
    });
    for (const host of ["localhost", "127.0.0.1", "::1", "/var/run/postgresql"])
      expect(connectionOf({ host }).ssl).toBe(false);
  });

  // Source: https://github.com/brianc/node-postgres/blob/master/packages/pg-connection-string/README.md
  test.each([
    "sslmode=no-verify",
    "sslmode=disable",
    "sslmode=verify-full&sslmode=no-verify",
    "ssl=0",
    "ssl=false",
    "ssl=no-verify",
    "uselibpqcompat=true&sslmode=require",
    "uselibpqcompat=true&sslmode=verify-ca&sslrootcert=ca.pem",
  ])("refuses a connection string with %s, which wins over ssl in pg", (parameters) => {
    const connectionString = `postgresql://db.example.com/x?${parameters}`;
    expectInvalid({ table: "orders", connection: { connectionString, ssl: true } }, "connection.connectionString");
    const local = `postgresql://localhost/x?${parameters}`;
    expect(connectionOf({ connectionString: local }).ssl).toBe(false);
  });

  test.each(["sslmode=verify-full", "sslmode=require", "ssl=true", "ssl=1", "uselibpqcompat=true&sslmode=verify-full"])(
    "accepts a connection string with %s, which verifies TLS",
    (parameters) => {
      expect(connectionOf({ connectionString: `postgresql://db.example.com/x?${parameters}` }).ssl).toEqual({
        rejectUnauthorized: true,
      });
    },
  );

  test("counts as local only if pg connects to this machine, whatever the URL's host", () => {
    expect(connectionOf({ connectionString: "postgresql://localhost/x?host=db.example.com" }).ssl).toEqual({
      rejectUnauthorized: true,
    });
    expect(connectionOf({ connectionString: "postgresql:///x?host=/var/run/postgresql" }).ssl).toBe(false);
    expect(connectionOf({ connectionString: "postgresql://%2Fvar%2Frun%2Fpostgresql/x" }).ssl).toBe(false);
  });

  test("has few connections, closes idle connections early, and passes on the password function", () => {
    const password = async (): Promise<string> => "token";
    expect(connectionOf({ host: "db.example.com", password, maxLifetimeSeconds: 300 })).toMatchObject({
      max: 2,
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 60_000,
      maxLifetimeSeconds: 300,
      keepAlive: true,
      password,
    });
  });
});

test.each(["ensure", "purge"] as const)("%s refuses an unknown option by its name", async (method) => {
  const sink = postgresSink(base as PostgresSinkOptions & { columns: string[] });
  await expect(sink[method]?.({ aply: false } as never)).rejects.toThrow(`${method} has no option "aply"`);
});
