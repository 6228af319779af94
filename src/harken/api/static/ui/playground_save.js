// A transcript as a file. Text and JSON are there already; subtitles are the server's, which knows how to break lines.

const KINDS = { txt: "text/plain", srt: "application/x-subrip", vtt: "text/vtt", json: "application/json" };

/**
 * Saves the transcript of a session.
 * @param {import("./playground_session.js").Session} session
 * @param {"txt" | "srt" | "vtt" | "json"} form
 */
export async function save(session, form) {
  const { work, file } = session;
  const content = await contentOf(session, work, form);
  if (content === null) return;
  give(content, `${file.name.replace(/\.[^.]*$/, "") || "transcript"}.${form}`, KINDS[form]);
}

/** Saves a text. */
export const saveText = (text) => give(`${text}\n`, "transcript.txt", KINDS.txt);

function give(content, name, kind) {
  const address = URL.createObjectURL(new Blob([content], { type: `${kind};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000); // a browser may ask where to save it first
}

async function contentOf(session, work, form) {
  if (form === "txt") return `${work.done.text}\n`;
  if (form === "json") return work.timedBody ?? session.fetch("verbose_json");
  return session.fetch(form);
}
