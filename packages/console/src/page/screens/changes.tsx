// Screen of the changes: every delivery as it happens.

import { useEffect, useMemo } from "preact/hooks";
import type { ChangeFilter } from "../../api/changes.ts";
import type { AddressQuery } from "../address.ts";
import { filterOf, filterText, isFiltering } from "../changes-filter.ts";
import { about } from "../live.ts";
import { Empty } from "../parts/empty.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { address, entryName } from "../router.ts";
import { createTail, type Tail } from "../tail.ts";
import { Buttons, Filters } from "./changes-filters.tsx";
import { ChangeList } from "./changes-list.tsx";

/** The last lists, by the entry of the browser's history: the back button finds rows and place again. */
const kept = new Map<string, Tail>();
const mostKept = 5;

const tailFor = (name: string, filter: ChangeFilter): Tail => {
  const tail = kept.get(name) ?? createTail(filter);
  kept.delete(name);
  kept.set(name, tail);
  const [oldest] = kept.keys();
  if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
  return tail;
};

const useTail = (filter: ChangeFilter): Tail => {
  const name = `${entryName()} ${filterText(filter)}`;
  const tail = useMemo(() => tailFor(name, filter), [name]);
  useEffect(() => tail.follow(), [tail]);
  return tail;
};

const Live = ({ query }: { readonly query: AddressQuery }) => {
  const filter = filterOf(query);
  const tail = useTail(filter);
  return (
    <>
      <PageHead title="Changes">
        <Buttons filter={filter} tail={tail} />
      </PageHead>
      <Filters filter={filter} />
      <ChangeList tail={tail} isFiltering={isFiltering(filter)} />
    </>
  );
};

const NoChanges = () => (
  <section class="card">
    <Empty
      title="A deployment shows no single changes"
      text="This console reads the metrics and the queues of a function in AWS. The overview has the numbers of each route."
    >
      <a class="button" href="/">
        Go to the overview
      </a>
    </Empty>
  </section>
);

const Content = () => {
  const subject = about.value;
  if (subject?.can.changes === true) return <Live query={address.value.query} />;
  return (
    <>
      <PageHead title="Changes" />
      {subject === undefined ? <Skeleton lines={8} /> : <NoChanges />}
    </>
  );
};

/** The screen. */
export const ChangesScreen = () => (
  <div class="changes">
    <Content />
  </div>
);
