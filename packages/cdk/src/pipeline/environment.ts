// The environment variables of a pipeline's function, of several owners.

import { DeployError } from "@sluice/rules";
import { Stack } from "aws-cdk-lib";
import { CfnFunction, type Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";

/** Variables, and who sets them. */
export interface OwnedVariables {
  readonly owner: string;
  readonly variables: Readonly<Record<string, string>>;
}

const existing = (fn: LambdaFunction): OwnedVariables => {
  const resource = fn.node.defaultChild;
  const environment: unknown = resource instanceof CfnFunction ? Stack.of(fn).resolve(resource.environment) : undefined;
  const variables = (environment as { readonly variables?: Record<string, string> } | undefined)?.variables;
  return { owner: "the function itself", variables: variables ?? {} };
};

/** Sets the variables of all owners. Throws if two of them, or the function itself, want different values. */
export const setEnvironment = (fn: LambdaFunction, owners: readonly OwnedVariables[]): void => {
  const resolve = (value: string): string => JSON.stringify(Stack.of(fn).resolve(value));
  const seen = new Map<string, { readonly owner: string; readonly value: string }>();
  for (const { owner, variables } of [existing(fn), ...owners]) {
    for (const [name, value] of Object.entries(variables)) {
      checkName(name, owner);
      const other = seen.get(name);
      if (other !== undefined && other.value !== resolve(value)) throw conflict(name, other.owner, owner);
      seen.set(name, { owner, value: resolve(value) });
      if (other === undefined && owner !== "the function itself") fn.addEnvironment(name, value);
    }
  }
};

/** Sets a variable, unless the function has one of this name. Returns the value that the function has then. */
export const addDefaultVariable = (fn: LambdaFunction, name: string, value: string): string => {
  const found = existing(fn).variables[name];
  if (found === undefined) fn.addEnvironment(name, value);
  return found ?? value;
};

const checkName = (name: string, owner: string): void => {
  if (/^[A-Za-z][A-Za-z0-9_]+$/.test(name)) return;
  throw new DeployError(
    "VARIABLE_NAME",
    `${owner} sets the variable ${JSON.stringify(name)}, expected a letter and then letters, digits and underscores: Lambda refuses other ` +
      "names. Rename the variable.",
  );
};

const conflict = (name: string, first: string, second: string): DeployError =>
  new DeployError(
    "VARIABLE_CONFLICT",
    `the variable ${name} is set to different values by ${first} and by ${second}, expected one value: the code would read ` +
      'one of them for both. Rename one by an option of its access, such as sqsAccess({ queue, variable: "SECOND_QUEUE_URL" }), or set ' +
      "the same value.",
  );
