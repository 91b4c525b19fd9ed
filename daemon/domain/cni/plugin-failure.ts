import * as z from "zod";
import { cutText } from "../cut-text.ts";
import { PlexusError } from "../errors.ts";

/** How a plugin ended, as far as reading its failure needs. */
export interface FailedPlugin {
  readonly ending:
    { readonly how: "exited"; readonly status: number } | { readonly how: "killed"; readonly signal: number };
  readonly stdout: string;
  readonly stderr: string;
}

const CniErrorDocument = z.object({
  code: z.number().int().nonnegative(),
  msg: z.string(),
  details: z.string().optional(),
});

/** A plugin's prose is quoted no longer than this: it may hold anything. */
const LONGEST_QUOTE = 500;
/** Of a CNI error, in characters: leaves room for where it happened and what to do about it. */
const LONGEST_MESSAGE = 2_048;

/** A failing plugin may explain itself in JSON, in prose, or not at all; the best of what it gave is kept (spec §4.9). */
export function pluginFailure(plugin: FailedPlugin): PlexusError {
  const document = CniErrorDocument.safeParse(jsonOrNothing(plugin.stdout));
  if (document.success) {
    const { code, msg, details } = document.data;
    return new PlexusError("delegate-failed", cutText(msg, LONGEST_MESSAGE), {
      code: code === 0 ? undefined : code,
      details: details === undefined ? undefined : cutText(details, LONGEST_MESSAGE),
    });
  }
  const how = plugin.ending.how === "exited" ? `exit status ${plugin.ending.status}` : `signal ${plugin.ending.signal}`;
  return new PlexusError("delegate-failed", prose(plugin, how));
}

function prose({ stdout, stderr }: FailedPlugin, how: string): string {
  if (stdout.trim() !== "")
    return `netplugin failed (${how}) but its diagnostic message is no CNI error: "${quote(stdout)}"`;
  if (stderr.trim() !== "") return `netplugin failed (${how}): "${quote(stderr)}"`;
  return `netplugin failed with no error message: ${how}`;
}

function quote(text: string): string {
  const trimmed = text.trim();
  return trimmed.length <= LONGEST_QUOTE ? trimmed : `${trimmed.slice(0, LONGEST_QUOTE)}...`;
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
