// Screen of the overview.

import { PageHead } from "../parts/page-head.tsx";

/** The screen. */
export const OverviewScreen = () => <PageHead title="Overview" />;
