// A zip with one file, which is not compressed.

import { crc32 } from "node:zlib";

/** Creates the zip. @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
export const zipOf = (name: string, content: Uint8Array): Uint8Array => {
  const file = Buffer.from(name);
  const entry = Buffer.alloc(26);
  entry.writeUInt16LE(20, 0);
  entry.writeUInt32LE(crc32(content), 10);
  entry.writeUInt32LE(content.length, 14);
  entry.writeUInt32LE(content.length, 18);
  entry.writeUInt16LE(file.length, 22);
  const local = Buffer.concat([Buffer.from("504b0304", "hex"), entry, file]);
  const attributes = Buffer.alloc(14);
  const central = Buffer.concat([Buffer.from("504b01021400", "hex"), entry, attributes, file]);
  const end = Buffer.alloc(22);
  end.write("504b0506", 0, "hex");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length + content.length, 16);
  return Buffer.concat([local, content, central, end]);
};
