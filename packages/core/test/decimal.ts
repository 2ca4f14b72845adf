// Parses decimal numbers independently of core, so that tests can check core's results.

/** Returns sign, digits and exponent of a number as one text. Equal numbers give the same text. */
export const decimalValue = (text: string): string => {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) throw new Error(`not a decimal: ${text}`);
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  let digits = BigInt(whole + fraction);
  if (digits === 0n) return "0";
  let power = Number(exponent) - fraction.length;
  while (digits % 10n === 0n) {
    digits /= 10n;
    power += 1;
  }
  return `${sign === "-" ? "-" : ""}${digits}e${power}`;
};
