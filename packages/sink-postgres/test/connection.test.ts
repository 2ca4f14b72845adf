import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres, startTcpProxy } from "@sluice/local";
import { type PostgresConnection, postgresSink } from "../src/index.ts";
import { changeOf, invocation, newDatabase, outcomesOf, upsertOf } from "./support/deliveries.ts";
import { openStoppingServer } from "./support/stopping-server.ts";
import { certificate, openTlsServer } from "./support/tls-server.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const batchAt = (position: number) => [upsertOf(changeOf({ id: "a" }, position, {}), { n: position })];

describeWithPostgres("a pool that the sink creates", (engine) => {
  const open = async () => {
    const database = await newDatabase(engine);
    await database.sql("CREATE TABLE items (id text PRIMARY KEY, n int)");
    await postgresSink({ pool: database.pool, table: "items" }).ensure();
    const proxy = await startTcpProxy(database.url);
    const { hostname, port, pathname, username, password } = new URL(proxy.url);
    const connection = { host: hostname, port: Number(port), database: pathname.slice(1), user: username };
    return { database, proxy, connection, password };
  };

  test("calls the password function for each connection, survives a lost idle connection, and ends with close", async () => {
    const { database, proxy, connection, password } = await open();
    let calls = 0;
    const token = async (): Promise<string> => {
      calls += 1;
      return password;
    };
    const sink = postgresSink({ connection: { ...connection, password: token }, table: "items" });
    const first = batchAt(1);
    expect(outcomesOf(first, await sink.write(first, invocation()))).toEqual(["delivered"]);
    proxy.cut();
    const second = batchAt(2);
    const write = () => sink.write(second, invocation());
    // If pg has not noticed the lost connection, the first write fails. Core would then retry, so this test retries.
    const results = await write().catch((error: unknown) => {
      expect(error).toMatchObject({ code: "SINK_UNAVAILABLE" });
      return write();
    });
    expect(outcomesOf(second, results)).toEqual(["delivered"]);
    expect(calls).toBe(2);
    await sink.close();
    await sink.close();
    const third = batchAt(3);
    expect(outcomesOf(third, await sink.write(third, invocation()))).toEqual(["delivered"]);
    await sink.close();
    await proxy.stop();
    await database.close();
  });

  test("accepts a connection string", async () => {
    const { database, proxy } = await open();
    const sink = postgresSink({ connection: { connectionString: proxy.url }, table: "items" });
    const batch = batchAt(1);
    expect(outcomesOf(batch, await sink.write(batch, invocation()))).toEqual(["delivered"]);
    await sink.close();
    await proxy.stop();
    await database.close();
  });

  test("reads the connection string again after the server refused its password, without a cold start", async () => {
    const { database, proxy, connection } = await open();
    const role = `rotated_${connection.database.replaceAll(/\W/g, "")}`.slice(0, 60);
    await database.sql(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'first'`);
    const url = new URL(proxy.url);
    url.username = role;
    const secret = { current: "first" };
    let calls = 0;
    const connectionString = async (): Promise<string> => {
      calls += 1;
      url.password = secret.current;
      return url.href;
    };
    const sink = postgresSink({ connection: { connectionString, max: 2 }, table: "items" });
    const first = batchAt(1);
    expect(outcomesOf(first, await sink.write(first, invocation()))).toEqual(["delivered"]);
    await database.sql(`ALTER ROLE ${role} PASSWORD 'second'`);
    proxy.cut();
    const write = () => sink.write(batchAt(2), invocation());
    await expect(write().catch(write)).rejects.toMatchObject({ code: "SINK_DENIED" });
    secret.current = "second";
    const second = batchAt(2);
    expect(outcomesOf(second, await sink.write(second, invocation()))).toEqual(["delivered"]);
    expect(calls).toBeLessThanOrEqual(3);
    await sink.close();
    await proxy.stop();
    await database.sql(`DROP ROLE ${role}`);
    await database.close();
  });

  test("with a function for the connection string that throws rejects with a code, and calls it again", async () => {
    let calls = 0;
    const connectionString = () => {
      calls += 1;
      return Promise.reject(new Error("no secret"));
    };
    const sink = postgresSink({ connection: { connectionString }, table: "items" });
    for (const call of [1, 2]) {
      await expect(sink.write(batchAt(1), invocation())).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
      expect(calls).toBe(call);
    }
    await sink.close();
  });

  test.each(["postgresql://db.example.com/x?sslmode=no-verify", "not a URL", ""])(
    "checks the connection string that a function returns: %j",
    async (connectionString) => {
      const sink = postgresSink({ connection: { connectionString: () => connectionString }, table: "items" });
      await expect(sink.write(batchAt(1), invocation())).rejects.toMatchObject({ code: "CONFIG_INVALID" });
      await sink.close();
    },
  );

  test("with a wrong password rejects with SINK_DENIED, without the password in the message", async () => {
    const { database, proxy, connection } = await open();
    const sink = postgresSink({ connection: { ...connection, password: "wrong-4711" }, table: "items" });
    const error = await sink.write(batchAt(1), invocation()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "SINK_DENIED", message: expect.not.stringContaining("wrong-4711") });
    await sink.close();
    await proxy.stop();
    await database.close();
  });
});

test("a server that stops during the connection causes SINK_UNAVAILABLE, and does not end the process", async () => {
  const server = await openStoppingServer();
  const connection = { host: "127.0.0.1", port: server.port, user: "u", database: "d", password: "p" };
  const sink = postgresSink({ connection, table: "items" });
  await expect(sink.write(batchAt(1), invocation())).rejects.toMatchObject({ code: "SINK_UNAVAILABLE" });
  await sink.close();
  await server.close();
});

describe("TLS", () => {
  const write = async (answer: "S" | "N", ssl: NonNullable<PostgresConnection["ssl"]>, host = "localhost") => {
    const server = await openTlsServer(answer);
    const connection = { host, port: server.port, user: "u", database: "d", ssl };
    const sink = postgresSink({ connection, table: "items" });
    const error = await sink.write(batchAt(1), invocation()).catch((thrown: { readonly code: string }) => thrown);
    await sink.close();
    await server.close();
    return { code: "code" in error ? error.code : "none", accepted: server.accepted() };
  };

  test("refuses a self-signed certificate with SINK_DENIED", async () => {
    expect(await write("S", true)).toEqual({ code: "SINK_DENIED", accepted: 0 });
  });

  test('accepts a certificate of the authority in option "ca"', async () => {
    expect(await write("S", { ca: certificate })).toEqual({ code: "SINK_UNAVAILABLE", accepted: 1 });
  });

  test('refuses a certificate for another name with SINK_DENIED, unless option "servername" has this name', async () => {
    const refused = await write("S", { ca: certificate }, "127.0.0.1");
    expect(refused).toEqual({ code: "SINK_DENIED", accepted: 0 });
    const accepted = await write("S", { ca: certificate, servername: "localhost" }, "127.0.0.1");
    expect(accepted).toEqual({ code: "SINK_UNAVAILABLE", accepted: 1 });
  });

  test("is required even if the server does not support it, which causes SINK_DENIED", async () => {
    expect(await write("N", true)).toEqual({ code: "SINK_DENIED", accepted: 0 });
  });
});
