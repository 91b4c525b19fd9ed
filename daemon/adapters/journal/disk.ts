/** What the journal does to the file system, one call a step: a crash falls between two of them. `node:fs/promises` is one. */
export interface Disk {
  open(path: string, flags: string, mode?: number): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  readFile(path: string, encoding: "utf8"): Promise<string>;
}

export interface OpenFile {
  writeFile(text: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Resolves when the content of a new file will survive a power cut; its name needs syncDirectory too. */
export async function createDurable(disk: Disk, path: string, text: string): Promise<void> {
  const file = await disk.open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Resolves when every name made, moved or removed in the directory until now will survive a power cut. */
export async function syncDirectory(disk: Disk, path: string): Promise<void> {
  const directory = await disk.open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
