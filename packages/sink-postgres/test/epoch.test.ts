import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import fc from "fast-check";
import { epochMilliseconds, epochSeconds, type PostgresRow, postgresSink } from "../src/index.ts";
import { changeOf, invocation, messagesOf, newDatabase, outcomesOf, upsertOf } from "./support/deliveries.ts";

describe("a number that means a time", () => {
  test.each([
    ["0", "1970-01-01T00:00:00.000000Z"],
    ["1767323045", "2026-01-02T03:04:05.000000Z"],
    ["1767323045.1234569", "2026-01-02T03:04:05.123456Z"],
    ["-0.000001", "1969-12-31T23:59:59.999999Z"],
    ["-62135596800", "0001-01-01T00:00:00.000000Z"],
    ["-62135596801", "0001-12-31T23:59:59.000000Z BC"],
    ["253402300800", "10000-01-01T00:00:00.000000Z"],
  ])("%s seconds are %s", (text, expected) => {
    expect(epochSeconds({ toString: () => text })).toBe(expected);
  });

  test("may be in milliseconds, a bigint or a number", () => {
    expect(epochMilliseconds(1_767_323_045_678)).toBe("2026-01-02T03:04:05.678000Z");
    expect(epochMilliseconds(1_767_323_045_678n)).toBe("2026-01-02T03:04:05.678000Z");
    expect(epochMilliseconds({ toString: () => "1767323045678.9999" })).toBe("2026-01-02T03:04:05.678999Z");
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e21, "soon", "", "1e3", 8_640_000_000_001])(
    "is not %p",
    (value) => {
      expect(() => epochSeconds(value as number)).toThrow(expect.objectContaining({ code: "MAPPING_FAILED" }));
    },
  );
});

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());

describeWithPostgres("a column with a date or a time", (engine) => {
  test("takes declared seconds and milliseconds exactly, as Postgres itself converts them", async () => {
    const database = await newDatabase(engine);
    const columns = {
      id: "int",
      at: { type: "timestamptz", path: "s", epoch: "seconds" },
      day: { type: "date", path: "ms", epoch: "milliseconds" },
    } as const;
    const sink = postgresSink({ pool: database.pool, table: "events", key: ["id"], columns });
    await sink.ensure();
    const micros = fc.bigInt({ min: -200_000_000_000_000_000n, max: 200_000_000_000_000_000n });
    const values = fc.sample(micros, { numRuns: 200, seed: 7 });
    const batch = values.map((value, id) => {
      const sign = value < 0n ? "-" : "";
      const digits = String(value < 0n ? -value : value).padStart(7, "0");
      const s = `${sign}${digits.slice(0, -6)}.${digits.slice(-6)}`;
      const image = { id: { N: String(id) }, s: { N: s }, ms: { N: "1767323045678" } };
      return upsertOf(changeOf({ id }, 1), image);
    });
    expect(new Set(outcomesOf(batch, await sink.write(batch, invocation())))).toEqual(new Set(["delivered"]));
    const rows = await database.sql(
      "SELECT id, (extract(epoch from at) * 1000000)::bigint::text AS at, day::text FROM events",
    );
    expect(rows.length).toBe(values.length);
    for (const { id, at, day } of rows) {
      expect(at).toBe(String(values[Number(id)]));
      expect(day).toBe("2026-01-02");
    }
    await database.close();
  });

  test.each(["date", "timestamptz", "timestamp", "time", "interval"])(
    "of type %s refuses a number, and words that mean the server's time, by the column's name",
    async (type) => {
      const database = await newDatabase(engine);
      await database.sql(`CREATE TABLE events (id int PRIMARY KEY, at ${type}, all_at ${type}[])`);
      const sink = postgresSink({ pool: database.pool, table: "events", key: ["id"] });
      await sink.ensure();
      const batch = [20_260_102, 5, 12n, "now", " Tomorrow ", "today 10:00"].map((at, id) =>
        upsertOf<PostgresRow>(changeOf({ id }, 1), { at }),
      );
      batch.push(upsertOf(changeOf({ id: 9 }, 1), { all_at: [20_260_102] }));
      const results = await sink.write(batch, invocation());
      expect(outcomesOf(batch, results)).toEqual(batch.map(() => "SINK_REJECTED"));
      expect(messagesOf(results)[0]).toContain('column "at": a number does not say');
      expect(messagesOf(results).join()).not.toContain("20260102");
      const good = [
        upsertOf(changeOf({ id: 20 }, 1), { at: type === "interval" ? "5 seconds" : "2026-01-02 03:04:05" }),
      ];
      expect(outcomesOf(good, await sink.write(good, invocation()))).toEqual(["delivered"]);
      await database.close();
    },
  );
});
