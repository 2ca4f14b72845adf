// Quotes words of a command line that people copy.

import { unprintable } from "../terminal/plain-text.ts";

const hexOf = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");

/**
 * Quotes a word for a shell, if needed. Unprintable characters are escaped as in bash and zsh: a terminal may obey them when
 * the line is pasted.
 */
export const shellWord = (word: string): string => {
  if (/^[\w@%+=:,./#-]+$/.test(word)) return word;
  if (word.search(unprintable) === -1) return `'${word.replaceAll("'", "'\\''")}'`;
  return `$'${word.replaceAll(/[\\']/g, "\\$&").replaceAll(unprintable, hexOf)}'`;
};

/** User and password in a URL. */
const userInfo = /(?<=:\/\/)[^/@\s]*@/g;

/** A command line without the credentials that its URLs have. */
export const withoutUserInfo = (commandLine: string): string => commandLine.replaceAll(userInfo, "");
