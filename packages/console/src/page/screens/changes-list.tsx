// The rows of the list of changes, and what the list says when it has none.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { countText } from "../format.ts";
import { about } from "../live.ts";
import { Empty } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { ErrorNotice } from "../parts/notice.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { setQuery } from "../router.ts";
import type { Tail } from "../tail.ts";
import { ChangeHead, ChangeLine } from "./changes-row.tsx";

const narrow = matchMedia("(max-width: 800px)");

/** Rows of a narrow screen have two lines. */
const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => {
  isNarrow.value = narrow.matches;
});

const NewRows = ({ tail }: { readonly tail: Tail }) => {
  const { heldCount } = tail.buffer.value;
  if (heldCount === 0) return null;
  const show = (): void => {
    tail.isPaused.value = false;
    tail.isAway.value = false;
    tail.showNew();
    document.querySelector("main .virtual")?.scrollTo(0, 0);
  };
  return (
    <button type="button" class="new-rows" onClick={show}>
      <Icon name="up" />
      {countText(heldCount)} new
    </button>
  );
};

const NothingYet = () => {
  const command = about.value?.engines.flatMap(({ lines }) => lines).find((line) => line.command.includes("put-item"));
  return (
    <Empty
      title="No change yet"
      text="Put an item into the table: each route's delivery appears here as it happens."
      command={command?.command}
    />
  );
};

const NothingMatches = () => (
  <Empty
    title="No change matches"
    text="None of the changes that the console holds matches these filters. New ones appear here."
  >
    <button type="button" class="button" onClick={() => setQuery({})}>
      Clear filters
    </button>
  </Empty>
);

const Foot = ({ tail }: { readonly tail: Tail }) => {
  const { rows, hasMore, skipped } = tail.buffer.value;
  const paused = tail.isPaused.value ? "paused · " : "";
  return (
    <div class="changes-foot muted small">
      <span>
        {paused}
        {countText(rows.length)} rows{hasMore ? ", older ones follow as you scroll" : ""}
      </span>
      {skipped > 0 && (
        <span>
          {countText(skipped)} rows came too fast to show.{" "}
          <button type="button" class="link" onClick={tail.reload}>
            Read the list again
          </button>
        </span>
      )}
    </div>
  );
};

interface ChangeListProps {
  readonly tail: Tail;
  readonly isFiltering: boolean;
}

const Rows = ({ tail, isFiltering }: ChangeListProps) => {
  const { rows } = tail.buffer.value;
  if (!tail.isLoaded.value) return <Skeleton lines={10} />;
  if (rows.length === 0) return isFiltering ? <NothingMatches /> : <NothingYet />;
  const scrolled = (fromTop: number, fromEnd: number): void => {
    const wasAway = tail.isAway.peek();
    tail.isAway.value = fromTop > 4;
    if (wasAway && !tail.isAway.peek() && !tail.isPaused.peek()) tail.showNew();
    if (fromEnd < 1200) tail.readOlder();
  };
  return (
    <>
      <VirtualList
        head={<ChangeHead />}
        label="Changes, newest first"
        rows={rows}
        rowHeight={isNarrow.value ? 62 : 34}
        keyOf={(row) => row.seq}
        render={(row) => <ChangeLine row={row} />}
        onScroll={scrolled}
      />
      <Foot tail={tail} />
    </>
  );
};

/** The list. */
export const ChangeList = ({ tail, isFiltering }: ChangeListProps) => {
  // Another filter begins at the top.
  useEffect(() => {
    document.querySelector("main .virtual")?.scrollTo(0, 0);
  }, [tail]);
  return (
    <section class="card changes-card">
      {tail.error.value !== undefined && (
        <ErrorNotice title="The changes could not be read" error={tail.error.value} onRetry={tail.reload} />
      )}
      <NewRows tail={tail} />
      <Rows tail={tail} isFiltering={isFiltering} />
    </section>
  );
};
