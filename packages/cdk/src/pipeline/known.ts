// Values that are known while the stack is synthesised. Tokens are resolved at deployment, so no check looks at them.

import { DeployError } from "@sluice/rules";
import { type Duration, type IResolvable, Token } from "aws-cdk-lib";

/** The seconds of a duration. Undefined if there is no duration, or if it is a token. */
export const knownSeconds = (duration: Duration | undefined): number | undefined =>
  duration === undefined || duration.isUnresolved() ? undefined : duration.toSeconds({ integral: false });

/** The number. Undefined if it is missing or a token. */
export const knownNumber = (value: number | undefined): number | undefined =>
  value === undefined || Token.isUnresolved(value) ? undefined : value;

/** The text. Undefined if it is missing or contains a token. */
export const knownText = (value: string | undefined): string | undefined =>
  value === undefined || Token.isUnresolved(value) ? undefined : value;

/** The value of a property of a Cfn resource. Undefined if it is a token. */
export const knownProperty = <Value extends object>(value: Value | IResolvable | undefined): Value | undefined =>
  value === undefined || Token.isUnresolved(value) ? undefined : (value as Value);

/** Throws OPTION_RANGE if the value is known and not a whole number within the limits. */
export const checkRange = (
  name: string,
  value: number | undefined,
  [min, max]: readonly [number, number],
  why: string,
): void => {
  const known = knownNumber(value);
  if (known === undefined || (Number.isInteger(known) && known >= min && known <= max)) return;
  throw new DeployError(
    "OPTION_RANGE",
    `${name} is ${known}, expected a whole number from ${min} to ${max}: ${why}. Set ${name} within these limits.`,
  );
};
