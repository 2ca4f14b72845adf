// Which resource of a template waits for which.

import type { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";

/** A resource. */
export interface Resource {
  readonly Type: string;
  readonly DependsOn?: string | readonly string[];
}
/** The resources of a template. */
export type Resources = Readonly<Record<string, Resource>>;

/** The resources of a stack. */
export const resourcesOf = (stack: Stack): Resources => Template.fromStack(stack).toJSON().Resources;

/** The resources that a resource names. */
const namedBy = (resource: Resource, all: Resources): readonly string[] => {
  const refs = [...JSON.stringify(resource).matchAll(/"(?:Ref|Fn::GetAtt)":(?:"(\w+)"|\["(\w+)")/g)];
  const named = refs.map(([, ref, attribute]) => ref ?? attribute ?? "");
  return [...new Set([...named, ...[resource.DependsOn ?? []].flat()])].filter((id) => id in all);
};

/** All resources that must exist before this one. */
export const earlier = (id: string, all: Resources, seen = new Set<string>()): ReadonlySet<string> => {
  for (const next of all[id] ? namedBy(all[id], all) : []) {
    if (seen.has(next)) continue;
    seen.add(next);
    earlier(next, all, seen);
  }
  return seen;
};

/** The resources that wait for themselves. */
export const circleIn = (stack: Stack): readonly string[] => {
  const all = resourcesOf(stack);
  return Object.keys(all).filter((id) => earlier(id, all).has(id));
};

/** The ids of resources of a type. */
export const idsOf = (all: Resources, type: string, pattern: RegExp): readonly string[] =>
  Object.keys(all).filter((id) => all[id]?.Type === type && pattern.test(id));
