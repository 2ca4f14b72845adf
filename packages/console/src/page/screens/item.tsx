// Screen of item.

/** The screen. */
export const ItemScreen = () => <h1>Item</h1>;
