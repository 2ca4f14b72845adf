// Tests of `--to lambda`: Lambda's responses, credentials, regions and endpoints.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "@sluice/local";
import { sumOf } from "./support/bench.ts";
import { deadLetterOf, newQueue } from "./support/dead-letters.ts";
import { type FakeFunction, type FakeLambda, startLambda } from "./support/lambda.ts";
import { openShop } from "./support/shop.ts";
import { type Ended, runSluice } from "./support/sluice.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

type Redrive = (args: readonly string[], env?: NodeJS.ProcessEnv) => Promise<Ended>;

const arn = "arn:aws:lambda:ap-south-1:123456789012:function:shop";

const withFunction = async (run: FakeFunction, use: (redrive: Redrive, lambda: FakeLambda) => Promise<void>) => {
  const lambda = await startLambda({ shop: run, [arn]: run });
  try {
    await use((args, env = {}) => runSluice(["redrive", ...args], { env: { ...lambda.env, ...env } }), lambda);
  } finally {
    await lambda.stop();
  }
};

/** A function that fails with this error. */
const failing = (errorType: string, errorMessage: string): FakeFunction => {
  const failure = { errorType, errorMessage };
  return () => Promise.reject(failure);
};

describeWithSqs("a redrive by Lambda", (engine) => {
  const client = new SQS(engine.clientConfig);
  afterAll(() => client.destroy());
  const threeLetters = async () => {
    const queue = await newQueue(client);
    await queue.fill(["a", "b", "c"].map((name, index) => deadLetterOf(name, index + 1)));
    return queue;
  };

  test("ends when the function does not exist, and releases all messages", () =>
    withFunction(openShop().run, async (redrive) => {
      const queue = await threeLetters();
      const ended = await redrive([queue.url, "--function", "missing-function"]);
      expect(ended).toMatchObject({
        code: 2,
        stdout: "3 received = 3 not sent\n  3 not sent: the redrive ended early\n",
      });
      expect(ended.stderr).toMatch(
        /^sluice: the function missing-function: ResourceNotFoundException: Function not found: missing-function; expected its name, .*$/m,
      );
      expect(await queue.counts()).toEqual({ visible: 3, hidden: 0 });
    }));

  test.each([
    ["Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 3.00 seconds", "Task timed out after 3.00 seconds"],
    [
      "Runtime.ExitError",
      "RequestId: 1 Error: Runtime exited",
      "Runtime.ExitError: RequestId: 1 Error: Runtime exited",
    ],
    ["ConfigError", "deadLetterQueue is missing", "ConfigError: deadLetterQueue is missing"],
    ["TypeError", "cannot read secret of a", "TypeError; its text is withheld because it may quote values"],
  ])("reports a function that fails with %s, without values", (type, message, reason) =>
    withFunction(failing(type, message), async (redrive) => {
      const queue = await threeLetters();
      const ended = await redrive([queue.url, "--function", "shop"]);
      expect(ended).toMatchObject({
        code: 1,
        stdout: expect.stringContaining(`3 to be retried, FUNCTION_FAILED: such as ${reason}\n`),
      });
      expect(sumOf(ended)).toBe("3 received = 3 to be retried");
      expect(ended.stdout + ended.stderr).not.toContain("secret");
      expect(await queue.counts()).toEqual({ visible: 3, hidden: 0 });
    }),
  );

  test("retries a throttled invocation, and isolates a message that is too large", () => {
    const refusals = [
      { status: 429, errorType: "TooManyRequestsException" },
      { status: 429, errorType: "TooManyRequestsException" },
      { status: 429, errorType: "TooManyRequestsException" },
    ];
    const shop = openShop();
    const run: FakeFunction = async (event) => {
      const refusal = refusals.shift();
      if (refusal !== undefined) return Promise.reject(refusal);
      const isLarge = event.Records.some(({ body }) => body.includes("secret of b"));
      const tooLarge = { status: 413, errorType: "RequestTooLargeException" };
      return isLarge ? Promise.reject(tooLarge) : shop.run(event);
    };
    return withFunction(run, async (redrive) => {
      const queue = await threeLetters();
      const ended = await redrive([queue.url, "--function", "shop"]);
      expect(sumOf(ended)).toBe("3 received = 2 delivered + 1 to be retried");
      expect(ended.stdout).toContain("1 to be retried, SINK_TOO_LARGE: [lambda] Lambda answered RequestTooLarge;");
    });
  });

  test.each([null, "done", {}, { batchItemFailures: [] }])(
    "refuses the answer %j, which does not say that a message was delivered",
    (answer) =>
      withFunction(
        async () => answer,
        async (redrive) => {
          const queue = await threeLetters();
          const ended = await redrive([queue.url, "--function", "shop"]);
          expect(ended).toMatchObject({
            code: 2,
            stderr: expect.stringContaining("expected the answer of a Sluice pipeline's handler"),
          });
          expect(await queue.counts()).toEqual({ visible: 3, hidden: 0 });
        },
      ),
  );

  test.each([
    [["--verbose"], {}],
    [[], { DEBUG: "1" }],
  ])("shows stacks only with %j and %j", (args, env) =>
    withFunction(openShop().run, async (redrive) => {
      const place = [`${engine.endpoint}/000000000000/gone`, "--function", "shop"];
      expect((await redrive([...place, ...args], env)).stderr).toMatch(/\n\s+at .*\n(.|\n)*caused by (.|\n)*\n\s+at /);
      expect((await redrive(place)).stderr).not.toMatch(/\n\s+at /);
    }),
  );

  test("uses the profile's credentials, and the given region or the region of the ARN", () =>
    withFunction(openShop().run, async (redrive, lambda) => {
      const folder = await mkdtemp(join(tmpdir(), "sluice-aws-"));
      const file = join(folder, "config");
      await writeFile(file, "[profile other]\naws_access_key_id = OTHERKEY\naws_secret_access_key = other-secret\n");
      const env = { AWS_CONFIG_FILE: file };
      const signedBy = async (...args: string[]): Promise<string | undefined> => {
        const queue = await newQueue(client);
        await queue.fill([deadLetterOf("a")]);
        const ended = await redrive([queue.url, ...args], env);
        expect(ended).toMatchObject({ code: expect.any(Number), stderr: expect.not.stringContaining("secret") });
        return lambda.invocations.at(-1)?.authorization;
      };
      expect(await signedBy("--function", "shop")).toMatch(/Credential=local\/\d+\/us-east-1\/lambda/);
      expect(await signedBy("--function", "shop", "--profile", "other", "--region", "eu-west-1")).toMatch(
        /Credential=OTHERKEY\/\d+\/eu-west-1\/lambda/,
      );
      expect(await signedBy("--function", arn)).toMatch(/Credential=local\/\d+\/ap-south-1\/lambda/);
      await rm(folder, { recursive: true });
    }));

  test("--endpoint-url applies to all services, except those that the environment overrides", () =>
    withFunction(openShop().run, async (redrive) => {
      const queue = await threeLetters();
      // This host name does not resolve, so the command must use the endpoint.
      const url = queue.url.replace("127.0.0.1", "sqs.us-east-1.localhost");
      const ended = await redrive([url, "--function", "shop", "--endpoint-url", engine.endpoint]);
      expect(ended).toMatchObject({ code: 0, stdout: "3 received = 3 delivered\n" });
    }));
});
