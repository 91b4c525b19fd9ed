/** What is measured: tables of numbers, now and then with a word. */
export interface Section {
  readonly title: string;
  /** How it was measured, in a sentence or two. */
  readonly note: string;
  /** What the values of a row are, units included. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export interface Row {
  readonly name: string;
  readonly values: readonly (number | string)[];
}
