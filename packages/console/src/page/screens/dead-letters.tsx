// Screen of dead-letters.

/** The screen. */
export const DeadLettersScreen = () => <h1>DeadLetters</h1>;
