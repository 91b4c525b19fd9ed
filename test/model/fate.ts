/** What becomes of one thing that an operation asks of the node. */
export interface Fate {
  readonly ends:
    | "well"
    /** Says no. */
    | "refuses"
    /** A plugin that took too long, and was killed. */
    | "times out"
    /** Given up, or whatever carried it died. */
    | "is lost"
    /** The plugin is not installed just now. */
    | "is missing";
  /** How many steps of its work are done when it does not end well. */
  readonly reach: number;
}

export const WELL: Fate = { ends: "well", reach: 0 };
