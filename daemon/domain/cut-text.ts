/** Text that others chose, for messages, log fields and labels. It is cut so that no author can fill a log or a metric with it. */

/**
 * The text itself if it has at most so many characters, else its beginning and how much is missing.
 * @param most at least 40
 */
export function cutText(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, most - LONGEST_REMARK).replace(/[\ud800-\udbff]$/, "");
  return `${kept}... (${text.length - kept.length} more characters)`;
}

const LONGEST_REMARK = "... (9007199254740991 more characters)".length;

/** The same in bytes, without a remark. No character is cut in two. */
export function cutBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text;
  return new TextDecoder().decode(Buffer.from(text).subarray(0, most), { stream: true });
}
