// The requests that the sink writes itself, against a scripted server: who sends them, how often, and what an answer means.

import { inspect } from "node:util";
import { SQS, type SQSClientConfig } from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { awsRequestError } from "../src/sink/aws-error.ts";
import {
  isBySdk,
  refusal,
  type Script,
  type Seen,
  secrets,
  service,
  signatureOf,
  startScripted,
  taken,
  writerOf,
} from "./aws-scripted-server.ts";

const closes: (() => void)[] = [];
const environment = { ...process.env };
afterEach(() => {
  for (const close of closes.splice(0)) close();
  process.env = { ...environment };
  Reflect.deleteProperty(globalThis, "awslambda");
});

/** Starts a server and a writer that has learned. */
const open = async (config?: SQSClientConfig, prefix?: string) => {
  const scripted = await startScripted(config, prefix);
  closes.push(scripted.close);
  await scripted.write();
  return scripted;
};

const failing = async (writing: Promise<unknown>): Promise<unknown> => {
  try {
    await writing;
  } catch (error) {
    return error;
  }
  throw new Error("the request did not fail");
};

describe("a request", () => {
  test.each([undefined, "/a%20b//c/../d"])(
    "after the first is the SDK's without the SDK (prefix %s)",
    async (prefix) => {
      const { seen, write } = await open({}, prefix);
      expect(await write()).toEqual(["taken"]);
      const [first, second] = seen as [Seen, Seen];
      expect(seen.map(isBySdk)).toEqual([true, false]);
      expect([second.path, JSON.parse(second.body)]).toEqual([first.path, JSON.parse(first.body)]);
      expect(signatureOf(second)).toBe(second.headers.authorization);
      const varying = /^(amz-sdk-.*|authorization|x-amz-date|content-length|x-amz-content-sha256)$/;
      const fixed = ({ headers }: Seen) => Object.entries(headers).filter(([name]) => !varying.test(name));
      expect(Object.fromEntries(fixed(second))).toEqual(Object.fromEntries(fixed(first)));
    },
  );

  test("is signed by the credentials of its time", async () => {
    let current = secrets;
    const { seen, write } = await open({ credentials: async () => ({ ...current, expiration: new Date(0) }) });
    await write();
    current = { accessKeyId: "ROTATED", secretAccessKey: "other", sessionToken: "another" };
    await write();
    expect(seen.map(isBySdk)).toEqual([true, false, false]);
    expect(seen[2]?.headers["x-amz-security-token"]).toBe("another");
    expect(seen[2]?.headers.authorization).toBe(signatureOf(seen[2] as Seen, current));
  });

  test("is the SDK's while the credentials change with each request", async () => {
    let turn = 0;
    const credentials = async () => ({ ...secrets, accessKeyId: `KEY${turn++}`, expiration: new Date(0) });
    const { seen, write } = await open({ credentials });
    await write();
    expect(seen.map(isBySdk)).toEqual([true, true]);
  });

  test("fails with the error of the credentials' provider, and is not sent", async () => {
    let fails = false;
    const error = Object.assign(new Error("no role"), { name: "CredentialsProviderError" });
    const credentials = () =>
      fails ? Promise.reject(error) : Promise.resolve({ ...secrets, expiration: new Date(0) });
    const { seen, write } = await open({ credentials });
    fails = true;
    expect(await failing(write())).toBe(error);
    expect(seen.length).toBe(1);
  });

  test.each([
    ["FIPS", { useFipsEndpoint: true }, "sqs-fips.eu-central-1.amazonaws.com"],
    ["dual stack", { useDualstackEndpoint: true }, "sqs.eu-central-1.api.aws"],
    ["a partition", { region: "cn-north-1" }, "sqs.cn-north-1.amazonaws.com.cn"],
  ])("goes to the endpoint of %s, by the client's own request handler", async (_, config, hostname) => {
    const asked: { hostname: string; headers: Record<string, string> }[] = [];
    const handle = async (request: (typeof asked)[number]) => {
      asked.push(request);
      return { response: { statusCode: 200, headers: {}, body: new Blob(['{"Successful":[{"Id":"0"}]}']).stream() } };
    };
    const client = new SQS({
      region: "eu-central-1",
      credentials: secrets,
      md5: false,
      useQueueUrlAsEndpoint: false,
      requestHandler: { handle } as never,
      ...config,
    });
    const write = writerOf(client, `https://${hostname}/1/q`);
    for (let turn = 0; turn < 3; turn += 1) expect(await write()).toEqual(["taken"]);
    expect(asked.map((request) => request.hostname)).toEqual([hostname, hostname, hostname]);
    const ids = asked.map(({ headers }) => headers["amz-sdk-invocation-id"] !== undefined);
    expect(ids).toEqual([true, false, false]);
  });
});

describe("Lambda's trace", () => {
  test("is the one of the invocation", async () => {
    Object.assign(process.env, { AWS_LAMBDA_FUNCTION_NAME: "f", _X_AMZN_TRACE_ID: "Root=1" });
    const { seen, write } = await open();
    process.env._X_AMZN_TRACE_ID = "Root=2";
    await write();
    const trace = { getXRayTraceId: () => "Root=3" };
    Object.assign(globalThis, { awslambda: { InvokeStore: trace } });
    await write();
    delete process.env.AWS_LAMBDA_FUNCTION_NAME;
    await write();
    expect(seen.map(({ headers }) => headers["x-amzn-trace-id"])).toEqual(["Root=1", "Root=2", "Root=3", undefined]);
    expect(seen.map(isBySdk)).toEqual([true, false, false, false]);
  });

  test("is left to the SDK if it is a traceparent, or only the SDK can find it", async () => {
    const { seen, write } = await open();
    Object.assign(globalThis, { awslambda: { InvokeStore: { getTraceparent: () => "00-1-2-01" } } });
    await write();
    Reflect.deleteProperty(globalThis, "awslambda");
    process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA = "true";
    await write();
    expect(seen.map(isBySdk)).toEqual([true, true, true]);
  });
});

const once: [string, Script, string][] = [
  ["500", { status: 500, body: "" }, "SINK_UNAVAILABLE"],
  ["503", { status: 503, body: "confidential" }, "SINK_UNAVAILABLE"],
  ["503 with the text of a success", { ...taken, status: 503 }, "SINK_UNAVAILABLE"],
  ["throttling with the status 400", { status: 400, body: '{"__type":"ThrottlingException"}' }, "SINK_THROTTLED"],
  ["429", { status: 429, body: "" }, "SINK_THROTTLED"],
  ["a redirect", { status: 307, body: "", headers: { location: "http://127.0.0.1:1/" } }, "SINK_UNAVAILABLE"],
  ["a text with the status 200", { status: 200, body: "confidential" }, "SINK_UNAVAILABLE"],
  ["a cut text with the status 200", { status: 200, body: '{"Successful":[{"Id":' }, "SINK_UNAVAILABLE"],
  ["a reset within the answer", "reset", "SINK_UNAVAILABLE"],
  ["a connection that closes without an answer", "drop", "SINK_UNAVAILABLE"],
];

describe("a failed request", () => {
  test.each(once)("is sent once, and fails with the SDK's error, after %s", async (_, script, code) => {
    const { write, seen, script: add } = await open();
    add(script);
    expect(awsRequestError("q", service, await failing(write())).code).toBe(code);
    expect(seen.map(isBySdk)).toEqual([true, false]);
    expect(await write()).toEqual(["taken"]);
    expect(seen.map(isBySdk)).toEqual([true, false, false]);
  });

  test.each(["SignatureDoesNotMatch", "ExpiredToken", "QueueDoesNotExist", "InvalidParameterValue"])(
    "is sent once more by the SDK after %s, in case that the refusal is our mistake",
    async (type) => {
      const { write, seen, script } = await open();
      script(refusal(type, 400));
      expect(await write()).toEqual(["taken"]);
      expect(await write()).toEqual(["taken"]);
      expect(seen.map(isBySdk)).toEqual([true, false, true, false]);
    },
  );

  test("that the SDK's request confirms is followed by requests of the SDK, until one succeeds", async () => {
    const { write, seen, script } = await open();
    script(...Array.from({ length: 3 }, () => refusal("AccessDenied")));
    expect(await failing(write())).toMatchObject({ name: "AccessDenied" });
    expect(await failing(write())).toMatchObject({ name: "AccessDenied" });
    for (let turn = 0; turn < 2; turn += 1) await write();
    expect(seen.map(isBySdk)).toEqual([true, false, true, true, true, false]);
  });

  test("after three that only the SDK could send is the SDK's", async () => {
    const { write, seen, script } = await open();
    const refusedOnce = [refusal("SignatureDoesNotMatch"), taken];
    script(...refusedOnce, ...refusedOnce, taken, ...refusedOnce, ...refusedOnce, ...refusedOnce);
    for (let turn = 0; turn < 8; turn += 1) expect(await write()).toEqual(["taken"]);
    const [ours, sdks] = [false, true];
    const twice = [ours, sdks];
    // An own request that succeeds ends the row.
    expect(seen.map(isBySdk)).toEqual([sdks, ...twice, ...twice, ours, ...twice, ...twice, ...twice, sdks, sdks]);
  });

  test("for a wrong clock teaches the server's time", async () => {
    const { write, seen, script, client } = await open();
    const serverTime = Date.now() + 3_600_000;
    const skewed = refusal("RequestTimeTooSkewed", 403, { date: new Date(serverTime).toUTCString() });
    // The scripted server has no other clock than ours, so that only this answer can teach the offset.
    client.config.systemClockOffset = 0;
    script(skewed, { ...taken, headers: { date: new Date(serverTime).toUTCString() } });
    await write();
    await write();
    expect(seen.map(isBySdk)).toEqual([true, false, true, false]);
    const clocks = seen.map(({ headers }) => {
      const [, date, hour, minute, second] = /^(\d{8})T(..)(..)(..)Z$/.exec(String(headers["x-amz-date"])) ?? [];
      const day = `${date?.slice(0, 4)}-${date?.slice(4, 6)}-${date?.slice(6)}`;
      const ahead = Date.parse(`${day}T${hour}:${minute}:${second}Z`) - serverTime;
      return Math.abs(ahead) < 60_000 ? "the server's" : "ours";
    });
    expect(clocks).toEqual(["ours", "ours", "the server's", "the server's"]);
  });

  test("that is aborted within its answer is not sent again", async () => {
    const { write, seen, script } = await open();
    script("hang");
    const abort = new AbortController();
    const writing = failing(write(abort.signal));
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50)); // the answer has begun
    abort.abort();
    await writing;
    expect(seen.length).toBe(2);
    await failing(write(abort.signal));
    expect(seen.length).toBe(2);
  });

  test("has an error without credentials, headers and values", async () => {
    for (const [, script] of [...once, ["refused", refusal("InvalidParameterValue", 400), ""] as const]) {
      const { write, script: add } = await open();
      add(script, script);
      const error = awsRequestError("q", service, await failing(write()));
      const shown = `${inspect(error, { depth: Infinity })} ${JSON.stringify(error)} ${JSON.stringify(error.cause)}`;
      for (const word of ["confidential", "AKIDSECRET", "secret", "AWS4-HMAC"]) expect(shown).not.toContain(word);
    }
  });
});

test("the SDK reads an answer with failed entries, and the request is not sent again", async () => {
  const { write, seen, script } = await open();
  const body = '{"Failed":[{"Id":"0","Code":"InternalError","Message":"\\u00e9","SenderFault":false}]}';
  script({ status: 200, body });
  expect(await write()).toMatchObject([{ code: "SINK_UNAVAILABLE" }]);
  expect(seen.map(isBySdk)).toEqual([true, false]);
});

test("a request that was executed is not sent again if the SDK cannot read its answer for want of credentials", async () => {
  let left = Number.POSITIVE_INFINITY;
  const error = Object.assign(new Error("no role"), { name: "CredentialsProviderError" });
  const credentials = async () => {
    left -= 1;
    if (left < 0) throw error;
    return { ...secrets, expiration: new Date(0) };
  };
  const { write, seen, script } = await open({ credentials });
  left = 1;
  script({ status: 200, body: "{}" });
  expect(await failing(write())).toMatchObject({ name: "CredentialsProviderError" });
  left = 1;
  expect(await write()).toEqual(["taken"]);
  expect(seen.map(isBySdk)).toEqual([true, false, false]);
});

test.each(['{"Successful":[{"Id":"1"}]}', '{"Successful":[]}', "{}"])(
  "an entry that the answer %s does not name has no answer, as by the SDK",
  async (body) => {
    const { write, seen, script } = await open();
    script({ status: 200, body });
    expect((await write())[0]).toBeUndefined();
    expect(seen.length).toBe(2);
  },
);

test("eight requests at once, the first among them, arrive once each", async () => {
  const scripted = await startScripted();
  closes.push(scripted.close);
  for (let turn = 0; turn < 2; turn += 1) await Promise.all(Array.from({ length: 8 }, () => scripted.write()));
  expect(scripted.seen.map(isBySdk)).toEqual(Array.from({ length: 16 }, (_, index) => index < 8));
});

test("a client without the SDK's parts sends by itself", async () => {
  const client = { sendMessageBatch: async () => ({ Successful: [{ Id: "0" }] }) } as unknown as SQS;
  const write = writerOf(client, "https://example.com");
  for (let turn = 0; turn < 2; turn += 1) expect(await write()).toEqual(["taken"]);
});
