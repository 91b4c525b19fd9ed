/** The annotation `tke.cloud.tencent.com/networks`, and `defaultDelegates`: the networks that a pod gets, in either of two forms. */
import * as z from "zod";
import { PlexusError } from "../errors.ts";
import type { IfName } from "../ids.ts";
import { decode, goString, goStruct } from "../json/go-json.ts";
import { elementsOf, parseJson } from "../json/json-object.ts";
import {
  checkedIfName,
  isJsonForm,
  OF_ITEM,
  parseShorthand,
  refuseOversized,
  type SelectionLimits,
  shortItems,
} from "../selection.ts";
import { DEFAULT_LIMITS } from "../tenant-limits.ts";

export interface TkeSelection {
  /** The name inside a conf on the node. May be empty, as in `a,`: no conf will be found for it. */
  readonly name: string;
  readonly interface?: IfName | undefined;
}

/**
 * The selections in their order. A namespace may stand before a name and means nothing.
 * @param what names the text in messages
 * @param strictCompat leaves `interface` in the JSON form unread, as the fork does
 * @throws PlexusError `decode-failure` for JSON of the wrong form, `invalid-config` for everything else
 */
export function parseTkeSelections(
  text: string,
  what: string,
  strictCompat: boolean,
  limits: SelectionLimits = DEFAULT_LIMITS,
): readonly TkeSelection[] {
  const selections = isJsonForm(text)
    ? parseJsonForm(text, what, strictCompat, limits)
    : shortItems(text, limits).map(parseItem);
  if (selections.length > 0) return selections;
  throw new PlexusError("invalid-config", `${what} is an empty list`, {
    details: "name at least one network, or leave it out",
  });
}

/** Every part must be a label, so an interface with a dot, an underscore or a capital can only be asked for in the JSON form. */
function parseItem(item: string): TkeSelection {
  const { name, ifName } = parseShorthand(item, ["namespace", "name", "ifName"]);
  return { name, interface: ifName === "" ? undefined : checkedIfName(ifName, OF_ITEM) };
}

/** What else the fork reads here it does not use; of the wrong type, it refuses the whole list all the same. */
const Element = goStruct({
  name: goString,
  namespace: goString,
  interfaceRequest: goString,
  ipRequest: goString,
  macRequest: goString,
  /** Multus' name for `interfaceRequest`, which the fork does not know. */
  interface: goString,
});

function parseJsonForm(text: string, what: string, strictCompat: boolean, limits: SelectionLimits): TkeSelection[] {
  const value = parseJson(text, what);
  if (Array.isArray(value)) refuseOversized(elementsOf(text, what), limits);
  return decode(z.array(Element), value, what).map(({ name = "", interfaceRequest, ...element }) => {
    const ifName = interfaceRequest ?? (strictCompat ? undefined : element.interface);
    return { name, interface: ifName === undefined ? undefined : checkedIfName(ifName, `${what}: `) };
  });
}
