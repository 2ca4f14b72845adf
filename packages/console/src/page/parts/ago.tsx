// A time, as how long ago it was. The absolute time is in the title.

import { agoText } from "../format.ts";
import { now } from "./clock.ts";

/** How long ago a time was. `at`: milliseconds since the epoch, or ISO 8601. */
export const Ago = ({ at }: { readonly at: number | string }) => {
  const time = new Date(at);
  return (
    <time dateTime={time.toISOString()} title={time.toLocaleString()}>
      {agoText(now.value - time.getTime())}
    </time>
  );
};
