import { JsonObject, type JsonText } from "../json/json-object.ts";
import type { Conflist, Plugin } from "./conf.ts";

/**
 * What a plugin reads on its standard input: its own conf, its list's name and version, the previous result if there is one,
 * and those capability args that it declared (spec §4.8, §4.9). All else stays as its author wrote it.
 */
export function pluginStdin(
  list: Pick<Conflist, "name" | "writtenVersion">,
  plugin: Plugin,
  given: { readonly capabilityArgs: JsonObject; readonly prevResult?: JsonText | undefined },
): JsonText {
  const granted = [...given.capabilityArgs.entries()].filter(([name]) => plugin.capabilities.has(name));
  let stdin = plugin.conf
    .with("name", JSON.stringify(list.name))
    .with("cniVersion", JSON.stringify(list.writtenVersion))
    .without("prevResult");
  if (granted.length > 0) stdin = stdin.with("runtimeConfig", JsonObject.of(granted).toString());
  if (given.prevResult !== undefined) stdin = stdin.with("prevResult", given.prevResult);
  return stdin.toString();
}
