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
  /**
   * Which network namespace a path leads to: its device, inode and, where the kernel has one, cookie, as in
   * "4:4026532281:17". Empty when it leads to none, or to our own.
   */
  readonly identifyNetns: (path: string) => string;
  /** Makes `to`, an existing file, another name of `from` in our mount namespace, until the next boot or unmount. */
  readonly bindMount: (from: string, to: string) => string;
  readonly unmount: (path: string) => string;
  /** The kernel's name for the present boot of the node; "" when it cannot be read. */
  readonly bootId: () => string;
}
