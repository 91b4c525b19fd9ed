/** The file system, as far as the spool needs it. What returns a string returns "" or why it could not. */
export interface Disk {
  readonly exists: (path: string) => boolean;
  /** Makes a directory that only root may enter. One that is there already is fine. */
  readonly makeDirectory: (path: string) => string;
  /** How many names there are in a directory, hidden ones included; 0 when it cannot be read. */
  readonly count: (directory: string) => number;
  /** Makes a new file that only root may read. Its content will survive a power cut; its name needs syncDirectory too. */
  readonly create: (path: string, content: Uint8Array) => string;
  readonly rename: (from: string, to: string) => string;
  readonly remove: (path: string) => string;
  /** From then on all names in the directory survive a power cut. */
  readonly syncDirectory: (path: string) => string;
}
