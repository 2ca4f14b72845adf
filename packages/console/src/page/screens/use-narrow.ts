// Whether the page is as narrow as a telephone: rows of long lists are then higher.

import { useEffect, useState } from "preact/hooks";

/** Whether the page is narrow. */
export const useNarrow = (): boolean => {
  const [query] = useState(() => matchMedia("(max-width: 800px)"));
  const [isNarrow, setNarrow] = useState(query.matches);
  useEffect(() => {
    const listen = (): void => setNarrow(query.matches);
    query.addEventListener("change", listen);
    return () => query.removeEventListener("change", listen);
  }, [query]);
  return isNarrow;
};
