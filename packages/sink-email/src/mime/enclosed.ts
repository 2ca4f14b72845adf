// A mail within a mail, such as a `message/rfc822` attachment. Its parts have their own encoding, so the mail around it
// must not encode it again: https://www.rfc-editor.org/rfc/rfc2046#section-5.2.1 (read 2026-11-28)

/** RFC 5322 allows 998 characters in a line, besides CR and LF. */
const longLine = /[^\n]{999}/;

/** Returns the content with CRLF at the end of lines; undefined if 7-bit mail cannot hold it. */
export const sevenBitText = (content: Uint8Array): Buffer | undefined => {
  const text = Buffer.from(content).toString("latin1").replace(/\r\n/g, "\n");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: 7-bit mail may hold any of these but NUL and a lone CR
  if (!/^[\x01-\x0c\x0e-\x7f]*$/.test(text) || longLine.test(text)) return undefined;
  return Buffer.from(text.replace(/\n/g, "\r\n"), "latin1");
};
