import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { conforms } from "@sluice/testing";
import { postgresSink } from "../src/index.ts";
import { openRig, plain, withChildren, withKeyFunction } from "./support/rig.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const connection = { host: "localhost" };

describeWithPostgres("postgres", (engine) => {
  const rigs = [
    ["version-table", plain, ""],
    ["inline", plain, ""],
    ["version-table", withKeyFunction, " and a key function"],
    ["version-table", withChildren, " and children"],
    ["inline", withChildren, " and children"],
  ] as const;
  for (const [guard, variant, what] of rigs) {
    conforms(
      { describe, test },
      {
        name: `with guard "${guard}"${what}`,
        writes: "upsert",
        open: () => openRig(engine, guard, variant),
        skip: {
          C07: "a statement takes any number of rows; core's batch is the limit",
          C08: "a statement takes more bytes than an invocation can have",
        },
        cannot: { "throttle-one": "the server accepts or refuses a statement as a whole" },
        badOptions: {
          table: () => postgresSink({ connection, table: "" }),
          pool: () => postgresSink({ table: "orders" }),
          guard: () => postgresSink({ connection, table: "orders", guard: "none" as "version-table" }),
          "connection.ssl": () => postgresSink({ connection: { host: "db.example.com", ssl: false }, table: "orders" }),
        },
      },
    );
  }
});
