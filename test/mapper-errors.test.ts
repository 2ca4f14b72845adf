// A mapper with a mistake: the compiler's first error must be inside the mapper, and name the wrong member.

import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "..");
const folder = join(root, ".cache", "mapper-errors");

interface Case {
  readonly sink: string;
  readonly call: string;
  /** The argument of `to` that has the mistake, on a line of its own. */
  readonly mistake: string;
  readonly names: RegExp;
}

const upsert = {
  sink: "postgresSink",
  call: 'postgresSink({ connection: { host: "h" }, table: "t", key: { id: "id" } })',
};
const append = { sink: "snsSink", call: 'snsSink({ topicArn: "arn" })' };

const cases: Readonly<Record<string, Case>> = {
  postgres: { ...upsert, mistake: '({ after }) => "text" + after.id,', names: /'string'/ },
  opensearch: {
    sink: "opensearchSink",
    call: 'opensearchSink({ node: "https://x", index: "i" } as never)',
    mistake: '({ after }) => "text" + after.id,',
    names: /'string'/,
  },
  sns: { ...append, mistake: "({ after }) => ({ body: after?.id, subject: 5 }),", names: /subject|'number'/ },
  sqs: {
    sink: "sqsSink",
    call: 'sqsSink({ queueUrl: "https://x" })',
    mistake: "() => ({ body: 1, delaySeconds: 'x' }),",
    names: /delaySeconds|'string'/,
  },
  email: {
    sink: "emailSink",
    call: "emailSink({} as never)",
    mistake: "() => ({ to: 'a@example.com', subject: 5, text: 'x' }),",
    names: /subject|'number'/,
  },
  dynamodb: {
    sink: "dynamodbSink",
    call: "dynamodbSink({} as never)",
    mistake: '({ after }) => "text" + after.id,',
    names: /'string'/,
  },
  webhook: {
    sink: "webhookSink",
    call: "webhookSink({} as never)",
    mistake: "() => ({ body: 1, method: 'FETCH' }),",
    names: /WebhookMethod/,
  },
  eventbridge: {
    sink: "eventbridgeSink",
    call: "eventbridgeSink({} as never)",
    mistake: "() => ({ detailType: 5, detail: {} }),",
    names: /detailType|'number'/,
  },
  promise: { ...append, mistake: "async () => ({ body: 1 }),", names: /Promise</ },
  member: { ...upsert, mistake: "({ after }) => ({ id: after.idd }),", names: /'idd'/ },
  options: { ...upsert, mistake: "({ after }) => ({ id: after.id }), { nam: 'x' },", names: /'nam'/ },
  removes: { ...upsert, mistake: "({ after }) => ({ id: after.id }), { removes: 'hide' },", names: /hide/ },
  mapperless: {
    sink: "webhookSink",
    call: "webhookSink({} as never)",
    mistake: "{ name: 'x' },",
    names: /'name'|Mapper|=> /,
  },
};

const sourceOf = ({ sink, call, mistake }: Case): string =>
  [
    'import { pipeline } from "@sluice/core";',
    `import { ${sink} } from "@sluice/sink-${sink.slice(0, -"Sink".length)}";`,
    'pipeline<{ readonly id: string }>("p", { onReject: "block" }).to(',
    `  ${call},`,
    `  ${mistake}`,
    ");",
    "",
  ].join("\n");

const compile = (): Promise<string> =>
  new Promise((resolve) => {
    const tsc = join(root, "node_modules", ".bin", "tsc");
    execFile(tsc, ["--noEmit", "--pretty", "false", "-p", folder], { cwd: folder }, (_error, output) =>
      resolve(output),
    );
  });

describe("the compiler's first error about a mapper", () => {
  let output = "";
  beforeAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const compilerOptions = {
      composite: false,
      declarationMap: false,
      isolatedDeclarations: false,
      customConditions: [],
      noEmit: true,
    };
    const config = { extends: "../../tsconfig.base.json", compilerOptions, include: ["*.ts"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await Promise.all(Object.entries(cases).map(([name, one]) => writeFile(join(folder, `${name}.ts`), sourceOf(one))));
    output = await compile();
  }, 120_000);

  test.each(Object.entries(cases))("%s: is at the mistake, and names it", (name, { names }) => {
    const errors = output.split(/\n(?=\S)/).filter((error) => error.startsWith(`${name}.ts(`));
    expect(errors[0]).toMatch(new RegExp(`^${name}\\.ts\\(5,`));
    expect(errors[0]).toMatch(names);
  });

  test("never says that a map is missing", () => {
    expect(output).not.toContain("Property 'map' is missing");
  });
});
