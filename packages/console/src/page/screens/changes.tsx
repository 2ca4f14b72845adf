// Screen of the changes: every delivery as it happens.

import { useEffect, useMemo } from "preact/hooks";
import type { ChangeFilter } from "../../api/changes.ts";
import type { AddressQuery } from "../address.ts";
import { filterOf, filterText, isFiltering } from "../changes-filter.ts";
import { about } from "../live.ts";
import { Empty } from "../parts/empty.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { address } from "../router.ts";
import { createTail } from "../tail.ts";
import { Buttons, Filters } from "./changes-filters.tsx";
import { ChangeList } from "./changes-list.tsx";

/** A list for each filter; that of the address before is kept, so that the back button finds its rows again. */
const useTail = (filter: ChangeFilter) => {
  const text = filterText(filter);
  const tail = useMemo(() => createTail(filter), [text]);
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
