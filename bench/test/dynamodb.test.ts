// Tests the output of the suite dynamodb. No test checks how long something takes.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import { bench } from "../src/command.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithDynamodb("the suite dynamodb", (engine) => {
  test("has its figures, and both contenders leave the same items", async () => {
    process.env.DYNAMODB_ENDPOINT = engine.endpoint;
    try {
      const figures = await bench(["dynamodb", "--rounds", "1", "--batch", "20", "--batches", "2"], () => undefined);
      expect(Object.keys(figures)).toEqual(["dynamodb/insert/vs-raw", "dynamodb/insert/records-per-second"]);
      for (const figure of Object.values(figures)) expect(figure).toBeGreaterThan(0);
    } finally {
      delete process.env.DYNAMODB_ENDPOINT;
    }
  });
});
