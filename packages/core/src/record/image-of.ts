// An item's image as the record holds it.

import { RecordError } from "../errors.ts";
import type { Change, Image } from "./change.ts";

/**
 * Returns the item before or after the change, as attribute values. The error says that `user` needs the item.
 * @throws {RecordError} RECORD_INCOMPLETE when the stream's view type leaves the image out.
 */
export const imageOf = (
  { record, viewType }: Pick<Change, "record" | "viewType">,
  side: "NewImage" | "OldImage",
  user: string,
): Image => {
  const image = record.dynamodb?.[side];
  if (image !== undefined) return image;
  const which = side === "NewImage" ? "new" : "old";
  throw new RecordError(
    "RECORD_INCOMPLETE",
    `${user} needs the item's ${which} image, which a record of view type ${viewType} lacks; expected NEW_AND_OLD_IMAGES`,
  );
};
