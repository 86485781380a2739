/** The same as the engine's: they are read together. */
export const version: string = "1";

/** From this score on people look at a payment. */
export const review = 30;

/** From this score on it is declined. */
export const decline = 70;
