/** Between strings and UTF-8. What is not UTF-8 becomes U+FFFD, so that whatever is printed is well-formed. */

export function toUtf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function fromUtf8(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  return startsWithByteOrderMark(bytes) ? "\ufeff" + text : text;
}

/** The text without the ill-formed parts that strings from the environment may have in the compiled program. */
export function wellFormed(text: string): string {
  return fromUtf8(toUtf8(text));
}

/** A decoder drops one leading byte order mark; here every character counts. */
function startsWithByteOrderMark(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
