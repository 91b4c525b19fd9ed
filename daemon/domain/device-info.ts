import type { IfName, SandboxId } from "./ids.ts";

/** The file with what is known of one attachment's device: its name is part of the contract with plugins (spec §5.3). */
export function deviceInfoFileName(network: string, sandbox: SandboxId, ifName: IfName): string {
  return `${network}-${sandbox}_${ifName}`.replaceAll("/", "-");
}

/** The note that a device plugin leaves of one device, for whoever attaches it. */
export function deviceNoteFileName({ resource, id }: { readonly resource: string; readonly id: string }): string {
  return `${resource}-${id}-device.json`.replaceAll("/", "-");
}
