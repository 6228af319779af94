// Server-sent events out of text that comes in parts.
// Knows the lines of the format and nothing of what they say. A part may end anywhere, also in the middle of a line;
// what is not complete waits for the next part.

/**
 * Returns a function that takes the next part of the text and tells what became complete with it.
 * @param {(data: string) => void} onData the data of one event
 * @param {(comment: string) => void} onComment what stands behind a colon
 * @returns {(part: string) => void}
 */
export function eventReader(onData, onComment) {
  let rest = "";
  let data = [];
  return (part) => {
    const lines = (rest + part).split("\n");
    rest = lines.pop();
    for (const line of lines.map((each) => each.replace(/\r$/, ""))) {
      if (line === "") {
        if (data.length) onData(data.join("\n"));
        data = [];
      } else if (line.startsWith(":")) {
        onComment(line.slice(1).trim());
      } else if (line.startsWith("data:")) {
        data.push(line.slice(5).replace(/^ /, ""));
      }
    }
  };
}
