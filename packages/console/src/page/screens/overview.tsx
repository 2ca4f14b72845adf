// Screen of the overview: how every pipeline, route and queue is now.

import type { About } from "../../api/about.ts";
import type { Overview } from "../../api/overview.ts";
import { about, overview } from "../live.ts";
import { Empty } from "../parts/empty.tsx";
import { Notice } from "../parts/notice.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { Charts } from "./overview-charts.tsx";
import { Engines } from "./overview-engines.tsx";
import { Pipelines } from "./overview-pipelines.tsx";
import { Queues } from "./overview-queues.tsx";
import { Routes } from "./overview-routes.tsx";
import { Tiles } from "./overview-tiles.tsx";

const hasChanges = ({ routes }: Overview): boolean =>
  routes.some(({ counts }) => Object.values(counts).some((count) => count > 0));

/** The command that makes a first change. */
const firstCommand = ({ engines }: About): string | undefined =>
  engines.flatMap(({ lines }) => lines).find(({ command }) => command.includes("put-item"))?.command;

const FirstChange = ({ subject }: { readonly subject: About }) => {
  const tables = subject.pipelines.flatMap(({ table }) => (table === undefined ? [] : [table]));
  return (
    <section class="card">
      <Empty
        title="No change yet"
        text={`Put an item into ${tables.length === 1 ? `the table ${tables[0]}` : "a table"}: the change appears here, and in each target.`}
        command={firstCommand(subject)}
      />
    </section>
  );
};

const Problems = ({ problems }: { readonly problems: readonly string[] }) => (
  <Notice tone="warn" title="Some numbers could not be read">
    <ul>
      {problems.map((problem) => (
        <li key={problem}>{problem}</li>
      ))}
    </ul>
  </Notice>
);

const Content = ({ subject, now }: { readonly subject: About; readonly now: Overview }) => {
  const isEmpty = !hasChanges(now);
  return (
    <>
      <Pipelines about={subject} now={now} />
      {now.problems.length > 0 && <Problems problems={now.problems} />}
      {isEmpty && subject.mode === "dev" && <FirstChange subject={subject} />}
      {!isEmpty && <Tiles now={now} />}
      {now.routes.length > 0 && <Routes about={subject} now={now} />}
      {!isEmpty && <Charts now={now} />}
      {now.queues.length > 0 && <Queues queues={now.queues} />}
      {subject.engines.length > 0 && <Engines engines={subject.engines} />}
    </>
  );
};

/** The screen. */
export const OverviewScreen = () => {
  const [subject, now] = [about.value, overview.value];
  return (
    <>
      <PageHead title="Overview" />
      {subject === undefined || now === undefined ? <Skeleton lines={6} /> : <Content subject={subject} now={now} />}
    </>
  );
};
