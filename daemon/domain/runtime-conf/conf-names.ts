/** Names of files in the directories of confs: which one a runtime takes, which may be the default network's, what others made of one. */

/** What the daemon writes for the runtime, first of all by its name, unless it is told another. `uninstall` takes it away. */
export const RUNTIME_CONF = "00-plexus.conf";

/** So that it comes early, can be nobody else's, and holds one conf, no list. */
const OWN_NAME = /^00-.*plexus.*\.(?:conf|json)$/;

/** Whether the daemon may call the runtime's conf so. */
export function isOwnName(name: string): boolean {
  return OWN_NAME.test(name);
}

/** What runtimes read. Go's libcni takes the first in the byte order of names. */
export const RUNTIME_ENDINGS = [".conf", ".conflist", ".json"] as const;

/** What a default network's conf may end in; `.json` is left to those who want Plexus and Multus to pass over a file (spec §7.7). */
const PRIMARY_ENDINGS = [".conf", ".conflist"];

/** What Plexus and Multus write themselves; thin Multus a conflist, too. */
const GENERATED = /^00-(?:multus|plexus)/;

export function isGenerated(name: string): boolean {
  return GENERATED.test(name) || isOwnName(name);
}

/** Of names in byte order, those that may be the default network's conf, in that order. */
export function primaryNames(names: readonly string[]): readonly string[] {
  return names.filter((name) => !isGenerated(name) && PRIMARY_ENDINGS.some((ending) => name.endsWith(ending)));
}

/** Of names in byte order, those that a runtime would look at, but for one. */
export function runtimeNames(names: readonly string[], but: string): readonly string[] {
  return names.filter((name) => name !== but && RUNTIME_ENDINGS.some((ending) => name.endsWith(ending)));
}

/** Cilium's, thin Multus', and everybody's. */
const RENAMED_ENDINGS = [".cilium_bak", ".old", ".bak"] as const;

/** What became of a conf that was renamed out of the runtime's sight, with what to do; undefined when it was not. */
export function renaming(name: string, names: readonly string[]): string | undefined {
  const ending = RENAMED_ENDINGS.find((each) => names.includes(name + each));
  if (ending === undefined) return undefined;
  if (ending === ".cilium_bak") {
    return `Cilium renamed ${name} to ${name}${ending}: set its Helm value cni.exclusive to false`;
  }
  return `${name} was renamed to ${name}${ending}: see who did, and rename it back`;
}

/** The confs that were renamed out of sight, by the names they had. */
export function renamedNames(names: readonly string[]): readonly string[] {
  const were = RENAMED_ENDINGS.flatMap((ending) =>
    names.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length)),
  );
  return primaryNames([...new Set(were)]).filter((name) => !names.includes(name));
}
