import { readFile } from "node:fs/promises";
import { z } from "zod";
import { PlexusError } from "../domain/errors.ts";
import { parseJson } from "../domain/json/json-object.ts";
import { type Config, ConfigSchema } from "./schema.ts";

/** Reads the settings from a JSON file. @throws PlexusError naming the file and every setting that is wrong */
export async function loadConfig(file: string): Promise<Config> {
  return parseConfig(parseJson(await read(file), file), file);
}

/** @throws PlexusError `invalid-config` */
export function parseConfig(settings: unknown, file: string): Config {
  const parsed = ConfigSchema.safeParse(settings);
  if (!parsed.success) {
    throw new PlexusError("invalid-config", `${file} cannot be used:\n${z.prettifyError(parsed.error)}`);
  }
  return Object.freeze(parsed.data);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new PlexusError("io-failure", `cannot read the config: ${(cause as Error).message}`, { cause });
  }
}
