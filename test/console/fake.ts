// The fake host, and a console in front of it.

import { type Console, startConsole } from "@sluice/console";
// biome-ignore lint/style/noRestrictedImports: the fake host is no part of the package that users install
import { createFakeHost, type FakeHost, type FakeHostOptions } from "../../packages/console/test/fake-host.ts";

export {
  canary,
  createFakeHost,
  deploymentAbilities,
  type FakeData,
  type FakeHost,
  scriptInKey,
  // biome-ignore lint/style/noRestrictedImports: the fake host is no part of the package that users install
} from "../../packages/console/test/fake-host.ts";

/** A console in front of a fake host. */
export interface FakeConsole {
  readonly fake: FakeHost;
  readonly console: Console;
  readonly stop: () => Promise<void>;
}

/** A token that tests know. */
export const fakeToken = "fake-token-for-tests-0123456789-abcdefghijkl";

/** Starts a console in front of a fake host. */
export const startFakeConsole = async (
  options: FakeHostOptions,
  { port = 0, token = fakeToken }: { readonly port?: number; readonly token?: string } = {},
): Promise<FakeConsole> => {
  const fake = createFakeHost(options);
  const console = await startConsole({ host: fake.host, port, token });
  return {
    fake,
    console,
    stop: async () => {
      fake.stop();
      await console.close();
    },
  };
};

/** Starts runs, so that the page has a list of them. */
export const fillRuns = async ({ fake, console }: FakeConsole, count: number): Promise<void> => {
  fake.setPace({ steps: 1, stepMs: 0 });
  const [pipeline] = fake.host.about().pipelines;
  for (let number = 0; number < count; number++) {
    const input = { kind: number % 2 === 0 ? "verify" : "backfill", pipeline: pipeline?.name };
    const answer = await fetch(`${console.origin}/api/runs`, {
      method: "POST",
      headers: {
        "x-sluice-token": fakeToken,
        "content-type": "application/json",
        "idempotency-key": `fill-run-${number}`,
      },
      body: JSON.stringify(input),
    });
    if (!answer.ok) throw new Error(`run ${number}: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};
