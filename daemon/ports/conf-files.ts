/** CNI configuration on the node's disk: what other CNI plugins put there, and what administrators do. */
export interface ConfFile {
  /** The file's own name. */
  readonly name: string;
  readonly text: string;
}

export type ConfPath =
  { readonly is: "file"; readonly file: ConfFile } | { readonly is: "directory" } | { readonly is: "missing" };

export interface ConfFiles {
  /** Whether anything has this absolute path, of whatever kind. Rejects with `io-failure` when that cannot be told. */
  isThere(path: string): Promise<boolean>;
  /** What is at an absolute path. Rejects with `io-failure` when it is there and cannot be read. */
  look(path: string): Promise<ConfPath>;
  /**
   * The regular files of a directory whose names end in one of these, in the byte order of their names. A directory that is not there has none.
   * Rejects with `io-failure`.
   */
  list(directory: string, endings: readonly string[]): Promise<readonly ConfFile[]>;
}
