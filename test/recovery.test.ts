import { expect, test } from "@jest/globals";
import { randomOf } from "./convergence/random.ts";
import { playOutage } from "./recovery/outage.ts";

test.each([[10, 1], [60, 1], [600, 5], [3600, 20], ...(process.env.DAY ? [[86400, 120]] : [])])(
  "outage of %d s",
  async (seconds, batchEvery) => {
    for (const isFifo of [false, true])
      for (const environments of [1, 4]) {
        const { integer } = randomOf(1);
        const random = () => integer(1_000_000) / 1_000_000;
        const { lines, ...r } = await playOutage({
          seconds,
          isFifo,
          environments,
          batchEvery,
          itemsPerBatch: 4,
          random,
        });
        process.stdout.write(JSON.stringify({ seconds, isFifo, environments, ...r, lines: lines.length }) + "\n");
        expect(r.missing).toBe(0);
      }
  },
  600_000,
);
