// Tests the output of the suites backfill and verify. No test checks how long something takes.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Engines, engineOrSkip, startEngines } from "@sluice/local";
import { bench } from "../src/command.ts";

const wanted = { postgres: true, dynamodb: true } as const;

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

describeWithEngines("the suites with a table and Postgres", ({ postgres, dynamodb }: Engines<typeof wanted>) => {
  const given = { DATABASE_URL: process.env.DATABASE_URL, DYNAMODB_ENDPOINT: process.env.DYNAMODB_ENDPOINT };

  beforeAll(() => {
    Object.assign(process.env, { DATABASE_URL: postgres.url, DYNAMODB_ENDPOINT: dynamodb.endpoint });
  });

  afterAll(() => {
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const figuresOf = async (suite: string): Promise<readonly string[]> => {
    const quick = ["--rounds", "1", "--batch", "20", "--batches", "2"];
    const figures = await bench([suite, ...quick], () => undefined);
    for (const figure of Object.values(figures)) expect(figure).toBeGreaterThan(0);
    return Object.keys(figures);
  };

  test("backfill has its figures, and all contenders leave the same rows", async () => {
    expect(await figuresOf("backfill")).toEqual([
      "backfill/postgres/vs-raw",
      "backfill/postgres/vs-loop",
      "backfill/postgres/prepared/vs-raw",
      "backfill/postgres/version-table/vs-raw",
      "backfill/postgres/version-table/prepared/vs-raw",
      "backfill/postgres/items-per-second",
      "backfill/memory/1m-vs-10k",
      "backfill/memory/resident/1m-vs-10k",
      "backfill/time/100k-vs-10k",
      "backfill/time/1m-vs-10k",
    ]);
  });

  test("verify has its figures, and finds every copy equal", async () => {
    expect(await figuresOf("verify")).toEqual([
      "verify/postgres/vs-raw",
      "verify/postgres/items/vs-raw",
      "verify/postgres/items-per-second",
    ]);
  });
});
