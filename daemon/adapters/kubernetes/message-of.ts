import * as z from "zod";

/** In one line. A zod error would quote what it found. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof z.ZodError) return "the API server sent something else than was asked for";
  if (thrown instanceof SyntaxError) return "the API server sent something that is not JSON";
  if (!(thrown instanceof Error)) return String(thrown);
  const code = "code" in thrown ? thrown.code : undefined;
  return typeof code === "string" ? `the connection to the API server broke: ${code}` : thrown.message;
}
