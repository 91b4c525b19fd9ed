/**
 * Limits on what authors of pods and of NetworkAttachmentDefinitions may ask of a node (issue 11, section 3). Every one is a setting
 * (docs/configuration.md).
 */
export interface TenantLimits {
  /** Networks of one pod, the cluster's own included. */
  readonly networksPerPod: number;
  /** Bytes of one element of the networks annotation in its JSON form: addresses, gateways, ports and `cni-args` together. */
  readonly selectionBytes: number;
  /** Bytes of one network's `spec.config`. */
  readonly networkConfigBytes: number;
  /** Plugins of one network. */
  readonly pluginsPerNetwork: number;
  /** Bytes of all configs that one pod's plugins are given. */
  readonly planBytes: number;
  /** The plugins that NADs may name; undefined allows every plugin. */
  readonly allowedPlugins: AllowedPlugins | undefined;
}

/** Plugin types by the NAD's namespace. `*` holds for every namespace that has no list of its own. */
export type AllowedPlugins = Readonly<Record<string, readonly string[]>>;

export const DEFAULT_LIMITS: TenantLimits = {
  networksPerPod: 64,
  selectionBytes: 16 << 10,
  networkConfigBytes: 64 << 10,
  pluginsPerNetwork: 32,
  planBytes: 1 << 20,
  allowedPlugins: undefined,
};
