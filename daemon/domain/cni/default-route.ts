/** The default routes in a plugin's result, where they were changed after it was printed. */
import { type IpFamily, parseCidr } from "../addresses.ts";
import { elementsOf, JsonObject, type JsonText } from "../json/json-object.ts";
import { layoutOf, parseResult, resultObject } from "./result.ts";
import type { CniVersion } from "./version.ts";

/**
 * The result with no default route of this family but one by this gateway, or none at all. Everything else stays as it was printed.
 * A result of the oldest layout has no place for a route of a family that it has no address of.
 */
export function withDefaultRoute(
  text: JsonText,
  confVersion: CniVersion,
  family: IpFamily,
  gateway: string | undefined,
): JsonText {
  const { version } = parseResult(text, confVersion);
  const result = resultObject(text);
  if (layoutOf(version) !== "ip4-and-ip6") return rerouted(result, family, gateway).toString();
  const key = `ip${family}`;
  const config = result.text(key) ?? "null";
  if (config === "null") return text;
  return result.with(key, rerouted(JsonObject.parse(config, WHAT), family, gateway).toString()).toString();
}

function rerouted(holder: JsonObject, family: IpFamily, gateway: string | undefined): JsonObject {
  const written = holder.text("routes") ?? "null";
  const others = written === "null" ? [] : elementsOf(written, WHAT).filter((route) => !isDefault(route, family));
  const routes =
    gateway === undefined ? others : [...others, JSON.stringify({ dst: DESTINATIONS[family], gw: gateway })];
  return routes.length === 0 ? holder.without("routes") : holder.with("routes", `[${routes.join(",")}]`);
}

function isDefault(route: JsonText, family: IpFamily): boolean {
  const dst = parseCidr(String(JsonObject.parse(route, WHAT).get("dst")));
  return dst?.family === family && dst.prefixLength === 0;
}

const DESTINATIONS: Readonly<Record<IpFamily, string>> = { 4: "0.0.0.0/0", 6: "::/0" };

const WHAT = "the CNI result";
