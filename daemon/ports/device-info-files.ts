import type { JsonText } from "../domain/json/json-object.ts";

/**
 * What device plugins note down of their devices, and the copies that belong to one attachment each (spec §5.3). Nothing depends on them:
 * whoever meets a rejection, an `io-failure` or a `decode-failure`, tells of it and goes on.
 */
export interface DeviceInfoFiles {
  /** Where CNI plugins find the file of that name. */
  pathOf(name: string): string;
  /** Copies the device plugin's note to the file of that name, unless that is there already or there is no note. */
  copy(device: { readonly resource: string; readonly id: string }, name: string): Promise<void>;
  /** A JSON object; undefined when there is no such file. */
  read(name: string): Promise<JsonText | undefined>;
  /** Removing what is not there succeeds. */
  remove(name: string): Promise<void>;
}
