// Counts the requests for 1,000 dead letters. The counts must be equal to the numbers in README.md.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { bodyFor, orderRecord } from "./dead-letters.ts";
import { rig } from "./rig.ts";

const count = 1_000;
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** Reads the number in the README's table row with this title. */
const inReadme = (row: string): number => {
  const [, found = ""] = new RegExp(`^\\| ${row} \\| ([\\d,]+) \\|`, "m").exec(readme) ?? [];
  return Number(found.replaceAll(",", ""));
};

const withLetters = (options: Parameters<typeof rig>[0] = {}) => {
  const one = rig(options);
  one.queue.send(...Array.from({ length: count }, (_, n) => bodyFor(orderRecord(`o-${n}`, n + 1))));
  return one;
};

describe("1,000 dead letters take", () => {
  test("as many requests in a redrive as the README says", async () => {
    const { queue, run, requests } = withLetters();
    expect((await run()).counts.delivered).toBe(count);
    const sqs = Object.values(queue.calls).reduce((sum, calls) => sum + calls, 0);
    expect({ sqs, lambda: requests.length }).toEqual({
      sqs: inReadme("SQS requests of the batch"),
      lambda: inReadme("calls of the pipeline's function"),
    });
  });

  test("as many updates in a republish as the README says", async () => {
    let updates = 0;
    const never = () => Promise.reject(new Error("not asked for"));
    const updateItem = async () => {
      updates += 1;
    };
    const { run } = withLetters({
      tableName: "Orders",
      clients: { dynamodb: { updateItem, putItem: never, deleteItem: never } },
    });
    expect((await run({}, "republish")).counts.republished).toBe(count);
    expect(updates).toBe(inReadme("updates of items, mode `republish`"));
  });
});
