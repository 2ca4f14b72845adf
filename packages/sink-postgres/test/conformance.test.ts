import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip, startPostgres } from "@sluice/local";
import { conforms } from "@sluice/testing";
import { postgresSink } from "../src/index.ts";
import { keyFunction, openRig } from "./support/rig.ts";

const describeWithPostgres = await engineOrSkip({ describe, test, afterAll }, () => startPostgres());
const connection = { host: "localhost" };

describeWithPostgres("postgres", (engine) => {
  const rigs = [
    ["version-table", undefined],
    ["inline", undefined],
    ["version-table", keyFunction],
  ] as const;
  for (const [guard, key] of rigs) {
    conforms(
      { describe, test },
      {
        name: `with guard "${guard}"${key === undefined ? "" : " and a key function"}`,
        writes: "upsert",
        open: () => openRig(engine, guard, key),
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
