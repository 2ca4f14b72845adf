import { afterAll, describe, test } from "@jest/globals";
import { engineOrSkip } from "@sluice/local";
import { motoEngine } from "./moto-engine.ts";
import { scenarios } from "./scenarios.ts";

const describeWithMoto = await engineOrSkip({ describe, test, afterAll }, motoEngine);

describeWithMoto("moto", (engine) => {
  scenarios("the state machine in moto's Step Functions", async () => ({ ...engine, stop: async () => undefined }));
});
