// Header lines: encoded after RFC 2047 where they are not ASCII, folded, and never longer than a line may be.

import type { Mailbox } from "./address.ts";

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** 75 characters, with `=?UTF-8?B?` and `?=`, leave room for 45 bytes in base64. */
const maxWordBytes = 45;

const encodedWords = (text: string): string => {
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > maxWordBytes) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  words.push(word);
  return words.map((one) => `=?UTF-8?B?${Buffer.from(one).toString("base64")}?=`).join(" ");
};

/** A text as it may stand in a header: as it is, or as encoded words. */
export const headerText = (text: string): string =>
  isAscii(text) && !text.includes("=?") && !/\S{900}/.test(text) ? text : encodedWords(text);

/** `"Ada" <ada@example.com>`. */
export const headerMailbox = ({ address, name }: Mailbox): string => {
  if (name === undefined) return address;
  const isPlain = isAscii(name) && !name.includes("=?");
  return `${isPlain ? `"${name.replace(/[\\"]/g, "\\$&")}"` : encodedWords(name)} <${address}>`;
};

/** A header line, folded at blanks after 76 characters or so. */
export const headerLine = (name: string, value: string): string => {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(" ")) {
    if (line.length + word.length + 1 > 76 && line.length > name.length + 1 && word !== "") {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  lines.push(line);
  return lines.join("\r\n");
};

/** A parameter such as a file's name, after RFC 2231 where it is not ASCII. */
export const headerParameter = (name: string, value: string): string => {
  if (isAscii(value)) return `${name}="${value.replace(/[\\"]/g, "\\$&")}"`;
  const encoded = encodeURIComponent(value).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
  return `${name}*=UTF-8''${encoded}`;
};
