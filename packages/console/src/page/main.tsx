// The page of the console: its frame, and the screen that the address names.

import { type ComponentType, render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import "./page.css";
import { access, openAccess } from "./client.ts";
import { startKeyboard } from "./keyboard.ts";
import { about, startLive } from "./live.ts";
import { Closed } from "./parts/closed.tsx";
import { Empty } from "./parts/empty.tsx";
import { ConnectionBar, Header } from "./parts/header.tsx";
import { Help } from "./parts/help.tsx";
import { Navigation } from "./parts/navigation.tsx";
import { Toasts } from "./parts/toast.tsx";
import { address, startRouter } from "./router.ts";
import { ChangesScreen } from "./screens/changes.tsx";
import { DeadLettersScreen } from "./screens/dead-letters.tsx";
import { DoctorScreen } from "./screens/doctor.tsx";
import { ItemScreen } from "./screens/item.tsx";
import { OverviewScreen } from "./screens/overview.tsx";
import { RunsScreen } from "./screens/runs.tsx";
import { type ScreenPath, screenAt } from "./screens.ts";
import { startTheme } from "./theme.ts";

const components: Readonly<Record<ScreenPath, ComponentType>> = {
  "/": OverviewScreen,
  "/changes": ChangesScreen,
  "/item": ItemScreen,
  "/dead-letters": DeadLettersScreen,
  "/runs": RunsScreen,
  "/doctor": DoctorScreen,
};

const Missing = () => (
  <Empty title="There is no such screen" text="The address names no screen of the console.">
    <a class="button" href="/">
      Go to the overview
    </a>
  </Empty>
);

const Screen = ({ path }: { readonly path: string }) => {
  const found = screenAt(path);
  if (found === undefined) return <Missing />;
  const Component = components[found.path];
  return <Component />;
};

const Content = ({ path }: { readonly path: string }) => (
  <>
    <ConnectionBar />
    <Screen key={path} path={path} />
  </>
);

const Page = () => {
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  const { path } = address.value;
  const title = screenAt(path)?.title ?? "Not found";
  const subject = about.value?.title;
  useEffect(() => {
    document.title = [title, subject, "Sluice"].filter((part) => part !== undefined).join(" · ");
  }, [title, subject]);
  // The focus moves when the screen changes, and only then.
  useEffect(() => {
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);
  if (access.value !== "open") return <Closed access={access.value} />;
  return (
    <div class="page">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header />
      <Navigation />
      <main id="main" class="main" ref={main} tabIndex={-1}>
        <Content path={path} />
      </main>
      <Toasts />
      <Help />
    </div>
  );
};

openAccess();
startTheme();
startRouter();
startKeyboard();
startLive();
const root = document.getElementById("page");
if (root !== null) render(<Page />, root);
