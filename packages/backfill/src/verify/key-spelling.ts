// Spells keys as DynamoDB returns them. Users and targets may spell a number or bytes in another way: `1.50`, `1e-7`, base64
// without padding. DynamoDB finds the item, but returns it under its own spelling. An item must not count as absent for this
// reason: a repair would remove its copy.

import { type AttributeValue, type Image, wireImage } from "@sluice/core/envelope";
import { canonicalDecimal } from "@sluice/core/sink-kit";

const decimalPattern = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** DynamoDB has no numbers of more digits before or after the point. It refuses others itself. */
const mostZeros = 200;

const numberText = (text: string): string => {
  if (!decimalPattern.test(text)) return text;
  const [mantissa = "", power = "0"] = canonicalDecimal(text).split("e");
  const digits = mantissa.replace("-", "");
  const exponent = Number(power);
  if (Math.abs(exponent) > mostZeros) return text;
  const sign = mantissa.startsWith("-") ? "-" : "";
  if (exponent >= 0) return `${sign}${digits}${"0".repeat(exponent)}`;
  const padded = digits.padStart(1 - exponent, "0");
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
};

const spelled = (value: AttributeValue): AttributeValue => {
  if ("N" in value) return { N: numberText(value.N) };
  if ("B" in value && typeof value.B === "string") return { B: Buffer.from(value.B, "base64").toString("base64") };
  return value;
};

/** Returns the key with base64 text in place of bytes, as DynamoDB spells it. */
export const spelledKeys = (keys: Image): Image =>
  Object.fromEntries(Object.entries(wireImage(keys)).map(([name, value]) => [name, spelled(value)]));
