import { readFile } from "node:fs/promises";
import * as z from "zod";
import { PlexusError } from "../domain/errors.ts";
import { decode, goString } from "../domain/json/go-json.ts";
import { JsonObject, type JsonText } from "../domain/json/json-object.ts";
import { ConfigSchema, IDLE_KEYS, MULTUS_LOG_LEVELS, OVERLAY_KEYS, RENAMED_KEYS } from "./schema.ts";

export type Settings = Readonly<z.output<typeof ConfigSchema>>;

export interface Config extends Settings {
  /** Keys of the network config that win over what the runtime gives. */
  readonly overlay: JsonObject;
  /** Keys that were given and change nothing. */
  readonly idle: readonly string[];
  /** By this file the default network says that it is ready, as the overlay has it. */
  readonly readinessIndicatorFile: string | undefined;
}

/** Reads the settings from a JSON file. @throws PlexusError naming the file and every setting that is wrong */
export async function loadConfig(file: string): Promise<Config> {
  return parseConfig(await read(file), file);
}

/**
 * Reads the settings from JSON. Keys match in any case, as Multus' do; an unknown one is refused, for it is a spelling mistake.
 * @throws PlexusError `decode-failure` or `invalid-config`
 */
export function parseConfig(text: JsonText, file: string): Config {
  const given = [...JsonObject.parse(text, file).entries()].map(([key, value]) => [knownKey(key), value] as const);
  const isOverlay = (key: string): boolean => (OVERLAY_KEYS as readonly string[]).includes(key);
  const isIdle = (key: string): boolean => (IDLE_KEYS as readonly string[]).includes(key);
  const own = given.filter(([key]) => !isOverlay(key) && !isIdle(key));
  const parsed = ConfigSchema.safeParse(Object.fromEntries(own.map(([key, value]) => [key, setting(key, value)])));
  if (!parsed.success) {
    throw new PlexusError("invalid-config", `${file} cannot be used:\n${z.prettifyError(parsed.error)}`);
  }
  // A binDir of the daemon's wins over the network config's too.
  const overlay = JsonObject.of(given.filter(([key]) => isOverlay(key) || key === "binDir"));
  const readinessIndicatorFile = decode(goString, overlay.get(READINESS) ?? "", `${file}: ${READINESS}`);
  // Where the daemon writes the runtime's conf, what others had in it before does not count (spec §7.4).
  const isOurs = parsed.data.multusConfigFile === "auto" && readinessIndicatorFile === undefined;
  return Object.freeze({
    ...parsed.data,
    overlay: isOurs ? overlay.with(READINESS, '""') : overlay,
    idle: given.map(([key]) => key).filter(isIdle),
    readinessIndicatorFile,
  });
}

const READINESS = "readinessindicatorfile";

const KNOWN_KEYS: ReadonlyMap<string, string> = new Map([
  ...[...Object.keys(ConfigSchema.shape), ...OVERLAY_KEYS, ...IDLE_KEYS].map(
    (key) => [key.toLowerCase(), key] as const,
  ),
  ...Object.entries(RENAMED_KEYS).map(([theirs, ours]) => [theirs.toLowerCase(), ours] as const),
]);

function knownKey(key: string): string {
  return KNOWN_KEYS.get(key.toLowerCase()) ?? key;
}

function setting(key: string, text: JsonText): unknown {
  const value: unknown = JSON.parse(text);
  if (key !== "logLevel" || typeof value !== "string") return value;
  const level = value.toLowerCase();
  return MULTUS_LOG_LEVELS[level] ?? level;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new PlexusError("io-failure", `cannot read the config: ${(cause as Error).message}`, { cause });
  }
}
