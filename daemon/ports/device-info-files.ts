import type { JsonText } from "../domain/json/json-object.ts";

/** What device plugins note down of their devices, and the copies that belong to one attachment (spec §5.3). */
export interface DeviceInfoFiles {
  /** Copies the device plugin's note to `cniFile`, unless that is there or there is no note. Resolves even when it cannot: nothing depends on it. */
  copy(device: { readonly resource: string; readonly id: string }, cniFile: string): Promise<void>;
  /** Undefined when there is none that is JSON. */
  read(cniFile: string): Promise<JsonText | undefined>;
  /** Removing what is not there succeeds; so does removing what cannot be. */
  remove(cniFile: string): Promise<void>;
}
