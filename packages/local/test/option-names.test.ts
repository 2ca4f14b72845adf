// Every public factory refuses options that it does not know, before it starts anything.

import { expect, test } from "@jest/globals";
import {
  fakeStreams,
  sqsEventSourceMapping,
  startDynamodb,
  startElasticmq,
  startEngines,
  startFaultyProxy,
  startMinistack,
  startMoto,
  startPostgres,
  startSqs,
} from "../src/index.ts";

const unknown = { typo: true } as never;

test.each([
  ["fakeStreams", async () => fakeStreams(unknown)],
  ["sqsEventSourceMapping", async () => sqsEventSourceMapping(unknown)],
  ["startDynamodb", () => startDynamodb(unknown)],
  ["startElasticmq", () => startElasticmq(unknown)],
  ["startEngines", () => startEngines(unknown)],
  ["startFaultyProxy", () => startFaultyProxy("http://127.0.0.1:1", unknown)],
  ["startMinistack", () => startMinistack(unknown)],
  ["startMoto", () => startMoto(unknown)],
  ["startPostgres", () => startPostgres(unknown)],
  ["startSqs", () => startSqs(unknown)],
])("%s refuses an option that it does not know", async (factory, start: () => Promise<unknown>) => {
  await expect(start()).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(new RegExp(`^${factory} has no option "typo"; expected only `)),
  });
});
