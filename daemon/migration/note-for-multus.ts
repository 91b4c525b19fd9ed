/** A record of ours as Multus would have noted it: so that Multus can take the node back and strands nothing (spec §5.1, §5.2). */
import { parseCniArgs } from "../domain/cni/args.ts";
import type { Conflist, Plugin } from "../domain/cni/conf.ts";
import { JsonObject, type JsonText } from "../domain/json/json-object.ts";
import type { RecordedAttachment, SandboxRecord } from "../domain/sandbox-record.ts";
import type { LegacyFile, MultusNote } from "./multus-note.ts";
import { CACHE_KIND, resultFileName } from "./result-file.ts";

/**
 * Multus asks of its notes for what it is told of a plugin by name and type, and of `Bytes` for all else; releases 4.2.1 to 4.3.0 of
 * `CNINetworkConfigList`. It will not tell secondary networks their port mappings and bandwidth again, for it notes none.
 */
export function noteForMultus(record: SandboxRecord): Pick<MultusNote, "scratch" | "results"> {
  const known = record.attachments.map((attachment) => ({ attachment, conflist: attachment.conflist }));
  return {
    scratch: JSON.stringify(known.map(({ attachment, conflist }, index) => entry(attachment, conflist, index))),
    results: known.flatMap(({ attachment, conflist }) => cachedResult(record, attachment, conflist) ?? []),
  };
}

function entry(attachment: RecordedAttachment, conflist: Conflist, index: number): object {
  const { ifName, primary, owner, network, device } = attachment;
  const workedOut = primary && index === 0 ? owner : `net${index}`;
  const { name, writtenVersion: cniVersion, plugins } = conflist;
  const standard = plugins.map((plugin) => standardKeys(conflist, plugin));
  return {
    ...(conflist.single
      ? { Conf: standard[0], ConfList: {} }
      : { Conf: {}, ConfList: { cniVersion, name, plugins: standard }, CNINetworkConfigList: configList(conflist) }),
    Name: network,
    ...(ifName !== workedOut && { ifnameRequest: ifName }),
    ...(device !== undefined && { deviceID: device.id, resourceName: device.resource || undefined }),
    IsFilterV4Gateway: false,
    IsFilterV6Gateway: false,
    Bytes: base64(conflist.text),
  };
}

function standardKeys({ name, writtenVersion }: Conflist, { type, conf }: Plugin): object {
  return { cniVersion: writtenVersion, name, type, capabilities: conf.get("capabilities") };
}

function configList(conflist: Conflist): object {
  return {
    Name: conflist.name,
    CNIVersion: conflist.writtenVersion,
    DisableCheck: conflist.disableCheck,
    DisableGC: conflist.disableGc,
    LoadOnlyInlinedPlugins: true,
    Plugins: conflist.plugins.map((plugin) => ({
      Network: standardKeys(conflist, plugin),
      Bytes: base64(plugin.conf.toString()),
    })),
    Bytes: base64(conflist.text),
  };
}

function cachedResult(
  { sandbox, netns }: SandboxRecord,
  { ifName, result, cniArgs, capabilityArgs }: RecordedAttachment,
  conflist: Conflist,
): LegacyFile | undefined {
  if (result === undefined) return undefined;
  const cached = {
    kind: CACHE_KIND,
    containerId: sandbox,
    config: base64(conflist.text),
    ifName,
    networkName: conflist.name,
    netns,
    cniArgs: parseCniArgs(cniArgs).pairs,
  };
  const text = JsonObject.parse(JSON.stringify(cached), "the cached result")
    .with("capabilityArgs", capabilityArgs.toString())
    .with("result", result.text)
    .toString();
  return { name: resultFileName(conflist.name, sandbox, ifName), text };
}

function base64(text: JsonText): string {
  return Buffer.from(text).toString("base64");
}
