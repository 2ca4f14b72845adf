// Screen of runs.

/** The screen. */
export const RunsScreen = () => <h1>Runs</h1>;
