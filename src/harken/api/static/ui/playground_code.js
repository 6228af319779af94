// The same request as a program: curl, Python with OpenAI's SDK, JavaScript without any library. Pure.
// What a person typed may hold any character; the invariant is that each language's own quoting keeps it one value.
// The key is never in it: the programs read HARKEN_API_KEY.

/** What the answer may look like, and the fields that ask for it. */
export const FORMATS = {
  stream: { response_format: "json", stream: "true" },
  verbose_json: { response_format: "verbose_json" },
  json: { response_format: "json" },
  text: { response_format: "text" },
  srt: { response_format: "srt" },
  vtt: { response_format: "vtt" },
};

/**
 * Says which fields a request has besides its file.
 * @param {{model: string, language: string, keywords: string[], prompt: string, hasWords: boolean}} ask "" for nothing
 * @param {string} format one of FORMATS
 * @returns {[string, string][]} as they are sent, in this order
 */
export function fieldsOf({ model, language, keywords, prompt, hasWords }, format) {
  const granularities = format === "verbose_json" && hasWords ? ["segment", "word"] : [];
  return [
    ...(model ? [["model", model]] : []),
    ...(language ? [["language", language]] : []),
    ...(prompt ? [["prompt", prompt]] : []),
    ...keywords.map((each) => ["keywords[]", each]),
    ...Object.entries(FORMATS[format]),
    ...granularities.map((each) => ["timestamp_granularities[]", each]),
  ];
}

/**
 * Writes the program.
 * @param {"curl" | "python" | "javascript"} language
 * @param {{address: string, file: string, fields: [string, string][], hasKey: boolean}} request `address`: of the server
 * @returns {string}
 */
export function codeOf(language, request) {
  return { curl, python, javascript }[language](request);
}

function curl({ address, file, fields, hasKey }) {
  const lines = [
    `curl ${fields.some(([name]) => name === "stream") ? "-N " : ""}${shell(`${address}/v1/audio/transcriptions`)}`,
    ...(hasKey ? ['-H "Authorization: Bearer $HARKEN_API_KEY"'] : []),
    `-F ${shell(`file=@${curlName(file)}`)}`,
    ...fields.map(([name, value]) => `${isPlain(value) ? "-F" : "--form-string"} ${shell(`${name}=${value}`)}`),
  ];
  return lines.join(" \\\n  ");
}

/** `-F` reads "@" and "<" at the start of a value, and ";" in it, as orders; `--form-string` does not. */
function isPlain(value) {
  return !/^[@<]|[;"\\]/.test(value);
}

/** Curl's own quotes, for a name that has a separator of it. */
function curlName(name) {
  return /[,;"\\]/.test(name) ? `"${name.replace(/[\\"]/g, "\\$&")}"` : name;
}

function shell(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function python({ address, file, fields, hasKey }) {
  const isStream = fields.some(([name]) => name === "stream");
  const format = fields.find(([name]) => name === "response_format")[1];
  const key = hasKey ? 'os.environ["HARKEN_API_KEY"]' : '"none"';
  return [
    ...(hasKey ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${literal(`${address}/v1`)}, api_key=${key})`,
    `with open(${literal(file)}, "rb") as file:`,
    `    ${isStream ? "events" : "answer"} = client.audio.transcriptions.create(`,
    "        file=file,",
    ...pythonArguments(fields).map((line) => `        ${line},`),
    "    )",
    ...(isStream ? PYTHON_STREAM : [pythonEnd(format)]),
  ].join("\n");
}

const PYTHON_STREAM = [
  "    for event in events:",
  '        if event.type == "transcript.text.delta":',
  '            print(event.delta, end="", flush=True)',
];

function pythonEnd(format) {
  if (format === "verbose_json") return "print(answer.to_json())";
  return format === "json" ? "print(answer.text)" : "print(answer)";
}

function pythonArguments(fields) {
  const lists = grouped(fields);
  const lines = lists.names.flatMap(([name, value]) => {
    if (name === "stream") return ["stream=True"];
    return name === "response_format" && value === "json" ? [] : [`${name}=${literal(value)}`];
  });
  for (const [name, values] of Object.entries(lists.many)) {
    const list = `[${values.map(literal).join(", ")}]`;
    // Older releases of the SDK do not know hot words; in `extra_body` every release sends them.
    lines.push(name === "keywords" ? `extra_body={"keywords": ${list}}` : `${name}=${list}`);
  }
  // OpenAI's SDK needs a model; every server of Harken takes this name for its own.
  return lists.names.some(([name]) => name === "model") ? lines : ['model="whisper-1"', ...lines];
}

function grouped(fields) {
  const many = {};
  const names = fields.filter(([name, value]) => {
    if (!name.endsWith("[]")) return true;
    (many[name.slice(0, -2)] ??= []).push(value);
    return false;
  });
  return { names, many };
}

/** JSON's strings are Python's and JavaScript's strings too. */
function literal(text) {
  const escaped = (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, escaped);
}

function javascript({ address, file, fields, hasKey }) {
  const isStream = fields.some(([name]) => name === "stream");
  const format = fields.find(([name]) => name === "response_format")[1];
  const authorization = hasKey ? "  headers: { Authorization: `Bearer ${process.env.HARKEN_API_KEY}` },\n" : "";
  return [
    'import { openAsBlob } from "node:fs";',
    "",
    "const form = new FormData();",
    `form.append("file", await openAsBlob(${literal(file)}), ${literal(file)});`,
    ...fields.map(([name, value]) => `form.append(${literal(name)}, ${literal(value)});`),
    "",
    `const answer = await fetch(${literal(`${address}/v1/audio/transcriptions`)}, {`,
    `  method: "POST",\n${authorization}  body: form,`,
    "});",
    "if (!answer.ok) throw new Error(await answer.text());",
    ...(isStream ? JAVASCRIPT_STREAM : [javascriptEnd(format)]),
  ].join("\n");
}

const JAVASCRIPT_STREAM = [
  'let rest = "";',
  "for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {",
  '  const lines = (rest + part).split("\\n");',
  "  rest = lines.pop();",
  '  for (const line of lines.filter((each) => each.startsWith("data: "))) {',
  "    const event = JSON.parse(line.slice(6));",
  '    if (event.type === "transcript.text.delta") process.stdout.write(event.delta);',
  "  }",
  "}",
];

function javascriptEnd(format) {
  if (format === "verbose_json") return "console.log(await answer.json());";
  return format === "json" ? "console.log((await answer.json()).text);" : "console.log(await answer.text());";
}
