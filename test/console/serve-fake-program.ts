// Serves the console with made-up data, to look at the page by hand.

import { parseArgs } from "node:util";
import { deploymentAbilities, type FakeData, fakeToken, fillRuns, startFakeConsole } from "./fake.ts";

const isData = (text: string): text is FakeData => ["none", "little", "much"].includes(text);

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "little" },
    rate: { type: "string", default: "0" },
    port: { type: "string", default: "0" },
    runs: { type: "string" },
    "hide-keys": { type: "boolean", default: false },
    deployment: { type: "boolean", default: false },
  },
});
if (!isData(values.data)) throw new Error(`--data ${values.data}: expected none, little or much`);

const started = await startFakeConsole(
  {
    data: values.data,
    changesPerSecond: Number(values.rate),
    about: {
      hidesKeys: values["hide-keys"],
      ...(values.deployment ? { mode: "deployment", title: "orders-replication", can: deploymentAbilities } : {}),
    },
  },
  { port: Number(values.port), token: fakeToken },
);
await fillRuns(started, Number(values.runs ?? { none: 0, little: 2, much: 200 }[values.data]));
started.fake.setPace({ steps: 60, stepMs: 250 });
process.stdout.write(`${started.console.url}\n`);
