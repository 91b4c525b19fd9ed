import { SUPPORTED_VERSIONS } from "./cni-version.ts";
/** What a person sees who runs the program without saying what to do (spec §1.1). */
export function aboutText(): string {
  return (
    "meta-plugin that delegates to other CNI plugins\n" +
    `CNI protocol versions supported: ${SUPPORTED_VERSIONS.join(", ")}\n`
  );
}

export function versionText(version: string): string {
  return `plexus ${version}\n`;
}

/** The defaults and limits are those of network-config.ts. */
export function helpText(version: string): string {
  return `plexus ${version}: CNI meta-plugin, gives one pod many networks

A container runtime starts this program for every CNI operation on a configuration of type "plexus". The operation is in the
environment (CNI_COMMAND and its companions), the network configuration on standard input. Both are handed to the Plexus
daemon of the node, and what the daemon answers is printed. There is nothing here to be run by hand, except:

  CNI_COMMAND=VERSION plexus     answers by itself, so it shows that the program works at all

Keys of the network configuration that are meant for this program:

  "daemonSocketDir"       directory of the daemon's socket, plexus.sock (default "/run/plexus")
  "daemonSpoolDir"        where a DEL is left while the daemon is away (default "/var/lib/plexus/spool")
  "daemonWaitSeconds"     how long ADD and CHECK wait for a daemon that is not there: 0 to 600 (default 60);
                          STATUS waits as long, but 20 at most
  "daemonTimeoutSeconds"  how long an operation may take in all: 0.1 to 3600 (default 240)

Exit status: 0 when the operation succeeded; 1 when it failed, with a CNI error object on standard output.
`;
}
