// Gives each line of a chart a letter, because colour is never the only sign of a line.

const others = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Returns a letter for each label: the first letter of the label that no earlier line has, or else any other one. */
export const signsOf = (labels: readonly string[]): string[] => {
  const signs: string[] = [];
  for (const label of labels) {
    const wanted = label.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
    signs.push([...wanted, ...others].find((sign) => !signs.includes(sign)) ?? "?");
  }
  return signs;
};
