// A good template has no findings; each mutation yields exactly its own code, two mutations exactly their two codes; and no
// template makes the rules throw.

import { describe, expect, test } from "@jest/globals";
import { Template } from "aws-cdk-lib/assertions";
import fc from "fast-check";
import { judgeTemplate, ruleCodes } from "../../src/index.ts";
import { pipelineOf, unbundled } from "../support/pipeline.ts";
import { dependent, type Mutation, mutations, type TestTemplate } from "./mutations.ts";

const stack = unbundled();
pipelineOf(stack, { dedupe: true });
const good = JSON.stringify(Template.fromStack(stack).toJSON());

const mutated = (...applied: readonly Mutation[]): TestTemplate => {
  const template = JSON.parse(good) as TestTemplate;
  for (const { apply } of applied) apply(template);
  return template;
};

const codesOf = (template: unknown): readonly string[] => [...new Set(judgeTemplate(template).map(({ code }) => code))];

const isIndependent = (a: Mutation, b: Mutation): boolean =>
  a.touches !== b.touches && !dependent.some((pair) => pair.every((part) => part === a.touches || part === b.touches));

describe("the template of the construct", () => {
  test("has no findings", () => {
    expect(judgeTemplate(JSON.parse(good))).toEqual([]);
  });

  test.each(mutations)("$code: $name", (mutation) => {
    const findings = judgeTemplate(mutated(mutation));
    expect(new Set(findings.map(({ code }) => code))).toEqual(new Set([mutation.code]));
    for (const { resource, found, expected, fix } of findings) {
      expect(Object.keys(mutated(mutation).Resources)).toContain(resource);
      for (const text of [found, expected, fix]) expect(text).not.toBe("");
    }
  });

  test("the mutations have all codes", () => {
    expect(new Set(mutations.map(({ code }) => code))).toEqual(new Set(ruleCodes));
  });

  test("each pair of independent mutations yields exactly both codes", () => {
    const pairs = mutations.flatMap((a, index) => mutations.slice(index + 1).map((b) => [a, b] as const));
    const wrong = pairs
      .filter(([a, b]) => isIndependent(a, b))
      .map(([a, b]) => ({ a: a.name, b: b.name, found: [...codesOf(mutated(a, b))].sort(), expected: codes(a, b) }))
      .filter(({ found, expected }) => JSON.stringify(found) !== JSON.stringify(expected));
    expect(wrong).toEqual([]);
  });

  test.each(mutations)("$code: $name is accepted with a reason in the metadata", (mutation) => {
    const template = mutated(mutation);
    const accept = (reason: string): void => {
      for (const resource of Object.values(template.Resources)) {
        resource.Metadata = { sluice: { acknowledge: { [mutation.code]: reason } } };
      }
    };
    accept(" ");
    expect(codesOf(template)).toEqual([mutation.code]);
    accept("the table was empty");
    expect(codesOf(template)).toEqual([]);
  });
});

const codes = (a: Mutation, b: Mutation): readonly string[] => [...new Set([a.code, b.code])].sort();

/** All places of a JSON value, as paths. */
const pathsOf = (value: unknown, path: readonly string[] = []): readonly (readonly string[])[] =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, part]) => [[...path, name], ...pathsOf(part, [...path, name])])
    : [];

const replace = (value: unknown, [name = "", ...rest]: readonly string[], by: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  const copy: Record<string, unknown> = Array.isArray(value) ? ([...value] as never) : { ...value };
  copy[name] = rest.length === 0 ? by : replace(copy[name], rest, by);
  return copy;
};

const intrinsics = fc.constantFrom<unknown>(
  { Ref: "Parameter" },
  { "Fn::GetAtt": ["Other", "Arn"] },
  { "Fn::GetAtt": "Other.Arn" },
  { "Fn::If": ["IsProduction", 1, { Ref: "AWS::NoValue" }] },
  { "Fn::Sub": ["$", {}] },
  { "Fn::ImportValue": "Exported" },
  { "Fn::FindInMap": ["Map", { Ref: "AWS::Region" }, "Value"] },
  { "Fn::Transform": { Name: "AWS::Include", Parameters: { Location: "s3://bucket/key" } } },
);

/** Properties of the resources that rules read; names and types of resources stay. */
const places = pathsOf(JSON.parse(good)).filter((path) => path[0] === "Resources" && path[2] === "Properties");

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const runs = { seed, numRuns: 2_000 };

describe(`templates with values of the deployment, seed ${seed}`, () => {
  test("an unknown value is no finding", () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), intrinsics, (path, value) => {
        // A reference to another resource may change which resources belong to the pipeline, but not their settings.
        expect(judgeTemplate(replace(JSON.parse(good), path, value))).toEqual([]);
      }),
      runs,
    );
  });

  test("no template makes the rules throw", () => {
    const anything = fc.oneof(intrinsics, fc.jsonValue(), fc.constant(null));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...pathsOf(JSON.parse(good))), anything), { maxLength: 5 }),
        (changes) => {
          const template = changes.reduce(
            (before, [path, value]) => replace(before, path, value),
            JSON.parse(good) as unknown,
          );
          judgeTemplate(template);
        },
      ),
      runs,
    );
    for (const value of [null, undefined, 3, "text", [], {}, { Resources: null }, { Resources: [] }]) {
      expect(judgeTemplate(value)).toEqual([]);
    }
  });
});
