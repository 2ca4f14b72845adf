// Screen of the changes.

import { PageHead } from "../parts/page-head.tsx";

/** The screen. */
export const ChangesScreen = () => <PageHead title="Changes" />;
