const LONGEST_LINE = 16 * 1024 * 1024;

/** The lines of a stream. What follows the last line feed was cut off, and is dropped. Throws when a line is too long to be true. */
export async function* linesOf(chunks: AsyncIterable<string>, onChunk: () => void): AsyncGenerator<string> {
  let parts: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    onChunk();
    let from = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
      parts.push(chunk.slice(from, end));
      yield parts.join("");
      parts = [];
      length = 0;
      from = end + 1;
    }
    parts.push(chunk.slice(from));
    length += chunk.length - from;
    if (length > LONGEST_LINE) throw new Error("a line of the watch does not end");
  }
}
