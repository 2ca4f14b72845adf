// Replaces the part of a page that a program writes, between two comments.

/**
 * Returns the page with `lines` between the comments `<!-- NAME: begin … -->` and `<!-- NAME: end -->`.
 * @throws {RangeError} if the page does not have both comments
 */
export const withSection = (page: string, name: string, lines: readonly string[]): string => {
  const begin = new RegExp(`^<!-- ${name}: begin.*-->$`, "m").exec(page);
  const end = page.indexOf(`<!-- ${name}: end -->`);
  if (begin === null || end < begin.index) throw new RangeError(`found no section ${name}; expected its two comments`);
  return `${page.slice(0, begin.index + begin[0].length)}\n\n${lines.join("\n")}\n\n${page.slice(end)}`;
};
