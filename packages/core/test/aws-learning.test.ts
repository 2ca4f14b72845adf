// The writer learns only from the sink's own requests. Learning delays no answer.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQS } from "@aws-sdk/client-sqs";
import { afterEach, expect, test } from "@jest/globals";
import { awsClientDefaults } from "../src/sink/lazy-client.ts";
import {
  isBySdk,
  type Script,
  type Seen,
  secrets,
  signatureOf,
  startScripted,
  taken,
  writerOf,
} from "./aws-scripted-server.ts";

const closes: (() => void | Promise<void>)[] = [];
const environment = { ...process.env };
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
  process.env = { ...environment };
});

test("an answer does not wait for credentials from which the writer could learn", async () => {
  let hasAsked = false;
  const credentials = async () => {
    if (scripted.seen.length === 0) return { ...secrets, expiration: new Date(0) };
    hasAsked = true;
    return new Promise<never>(() => undefined);
  };
  const scripted = await startScripted({ credentials });
  closes.push(scripted.close);
  expect(await scripted.write()).toEqual(["taken"]);
  expect([hasAsked, scripted.seen.map(isBySdk)]).toEqual([true, [true]]);
});

type RoleAction = "AssumeRole" | "AssumeRoleWithWebIdentity";

/** Sets the environment of a process whose role comes from STS, at an endpoint for all services. */
const useRole = async (action: RoleAction, endpoint: string): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-role-"));
  closes.push(() => rm(folder, { recursive: true }));
  const role = "arn:aws:iam::123456789012:role/r";
  const [config, token] = [join(folder, "config"), join(folder, "token")];
  const source = "[profile source]\naws_access_key_id = SOURCE\naws_secret_access_key = source\n";
  await writeFile(config, `[profile role]\nrole_arn = ${role}\nsource_profile = source\n${source}`);
  await writeFile(token, "token");
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  const files = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: join(folder, "none") };
  Object.assign(process.env, { ...files, AWS_REGION: "eu-central-1", AWS_ENDPOINT_URL: endpoint });
  if (action === "AssumeRole") process.env.AWS_PROFILE = "role";
  else Object.assign(process.env, { AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: token });
};

const stsAnswer = (action: RoleAction): Script => {
  const { accessKeyId, secretAccessKey, sessionToken } = secrets;
  const keys = `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>`;
  const rest = `<SessionToken>${sessionToken}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`;
  const result = `<${action}Result><Credentials>${keys}${rest}</Credentials></${action}Result>`;
  const body = `<${action}Response>${result}</${action}Response>`;
  return { status: 200, headers: { "content-type": "text/xml" }, body };
};

test.each(["AssumeRole", "AssumeRoleWithWebIdentity"] as const)(
  "nothing is learned from %s, which the provider of credentials sends by the client's handler",
  async (action) => {
    const { endpoint, seen, script, close } = await startScripted();
    closes.push(close);
    await useRole(action, endpoint);
    script(stsAnswer(action));
    const client = new SQS({ ...awsClientDefaults, md5: false });
    closes.push(() => client.destroy());
    const write = writerOf(client, `${endpoint}/1/q`);
    for (let turn = 0; turn < 3; turn += 1) expect(await write()).toEqual(["taken"]);
    expect(seen[0]?.body).toContain(`Action=${action}&`);
    expect(seen.map(isBySdk)).toEqual([true, true, false, false]);
    expect(seen[3]?.headers.authorization).toBe(signatureOf(seen[3] as Seen));
  },
);

test("each client keeps the endpoint and region that it has learned", async () => {
  const sent: string[] = [];
  const handle = async ({ hostname, headers }: { hostname: string; headers: Record<string, string> }) => {
    const [, region] = /Credential=[^/]*\/\d*\/([^/]*)/.exec(headers.authorization ?? "") ?? [];
    sent.push(`${headers["amz-sdk-invocation-id"] === undefined ? "writer" : "SDK"}: ${region} at ${hostname}`);
    return { response: { statusCode: 200, headers: {}, body: new Blob([taken.body]).stream() } };
  };
  const writes: (() => Promise<unknown>)[] = [];
  for (const region of ["eu-west-1", "us-east-2"]) {
    process.env.AWS_REGION = region;
    const requestHandler = { handle } as never;
    const client = new SQS({ credentials: secrets, md5: false, useQueueUrlAsEndpoint: false, requestHandler });
    writes.push(writerOf(client, `https://sqs.${region}.amazonaws.com/1/q`));
    await writes.at(-1)?.();
  }
  for (const write of writes) await write();
  expect(sent).toEqual([
    "SDK: eu-west-1 at sqs.eu-west-1.amazonaws.com",
    "SDK: us-east-2 at sqs.us-east-2.amazonaws.com",
    "writer: eu-west-1 at sqs.eu-west-1.amazonaws.com",
    "writer: us-east-2 at sqs.us-east-2.amazonaws.com",
  ]);
});
