// The Node half: the same checks by the same names as checks.py, with OpenAI's Node SDK.
// Usage: node conformance.mjs '{"server": …}' ; writes one JSON line for each check.
import assert from "node:assert/strict";
import { File as NodeFile } from "node:buffer";
import { createReadStream, readFileSync } from "node:fs";
import { basename } from "node:path";

globalThis.File ??= NodeFile; // Node 18 has the class, but not yet as a global one
const { default: OpenAI, toFile } = await import("openai");

const facts = JSON.parse(process.argv[2]);
const model = "whisper-1";
const clientFor = (key) =>
  new OpenAI({ baseURL: `${facts.server}/v1`, apiKey: key || "none", maxRetries: 0, timeout: 60_000 });
const client = clientFor(facts.key);

const create = (options = {}, settings) =>
  client.audio.transcriptions.create({ file: createReadStream(facts.file), model, ...options }, settings);

const stream = async (options = {}) => {
  const events = [];
  for await (const event of await create({ stream: true, ...options })) events.push(event);
  return events;
};

const says = (text) => {
  assert.equal(typeof text, "string");
  if (facts.text) assert.equal(text, facts.text);
};

const refused = async (call, kind, code, param) => {
  const error = await call.then(
    () => assert.fail("it was not refused"),
    (raised) => raised,
  );
  assert.equal(error.constructor, kind, String(error));
  assert.equal(error.code, code, String(error));
  if (param !== undefined) assert.equal(error.param, param);
  assert.ok(error.requestID, "an error without x-request-id");
};

const areInOrder = (times) =>
  assert.deepEqual(
    times,
    [...times].sort((one, other) => one - other),
  );

class Skip extends Error {}

const checks = {
  async models() {
    const list = await client.models.list();
    assert.equal(list.data.length, 1);
    const [served] = list.data;
    assert.equal(served.object, "model");
    assert.equal((await client.models.retrieve(model)).id, served.id);
  },
  async uploads() {
    const bytes = readFileSync(facts.file);
    const name = basename(facts.file);
    for (const file of [createReadStream(facts.file), await toFile(bytes, name), new File([bytes], name)])
      says((await create({ file })).text);
  },
  async json() {
    const result = await create();
    says(result.text);
    assert.equal(result.usage.type, "duration");
    assert.ok(result.usage.seconds > 0);
    assert.deepEqual(
      result.languages.map((language) => language.code),
      [facts.language],
    );
    assert.ok(result._request_id);
  },
  async text() {
    says((await create({ response_format: "text" })).trimEnd());
  },
  async srt() {
    assert.match(await create({ response_format: "srt" }), /^1\n00:00:0.* --> /);
  },
  async vtt() {
    assert.match(await create({ response_format: "vtt" }), /^WEBVTT\n\n.* --> /);
  },
  async verbose_json() {
    const result = await create({ response_format: "verbose_json" });
    says(result.text);
    assert.equal(result.language, result.language.toLowerCase());
    areInOrder(result.segments.flatMap((segment) => [segment.start, segment.end]));
    assert.equal(result.segments.map((segment) => segment.text).join("").trim(), result.text);
    assert.ok(result.segments.every((segment) => segment.avg_logprob <= 0 && segment.compression_ratio > 0));
  },
  async words() {
    const call = create({ response_format: "verbose_json", timestamp_granularities: ["word"] });
    if ((await client.models.retrieve(model)).aligner === null)
      return refused(call, OpenAI.BadRequestError, "no_word_times", "timestamp_granularities");
    const result = await call;
    assert.deepEqual(
      result.words.map((word) => word.word),
      result.text.replace(/[.,]/g, "").split(" "),
    );
    areInOrder(result.words.flatMap((word) => [word.start, word.end]));
  },
  async logprobs() {
    const result = await create({ include: ["logprobs"] });
    assert.ok(result.logprobs.every((one) => one.logprob <= 0));
    assert.equal(Buffer.from(result.logprobs.flatMap((one) => one.bytes)).toString().trim(), result.text);
  },
  async stream() {
    const events = await stream();
    const done = events.pop();
    assert.ok(events.every((event) => event.type === "transcript.text.delta"));
    assert.equal(done.type, "transcript.text.done");
    assert.equal(events.map((event) => event.delta).join(""), done.text);
    says(done.text);
    assert.ok(done.usage.seconds > 0);
  },
  async stream_text() {
    says((await stream({ response_format: "text" })).pop().text);
  },
  async stream_logprobs() {
    assert.ok((await stream({ include: ["logprobs"] })).pop().logprobs[0].logprob <= 0);
  },
  async stream_error() {
    if (!facts.broken) throw new Skip("needs --broken");
    const error = await stream({ file: createReadStream(facts.broken) }).then(
      () => assert.fail("no error"),
      (raised) => raised,
    );
    assert.equal(error.constructor, OpenAI.APIError, String(error));
    assert.ok(error.code);
  },
  async chunking() {
    says((await create({ chunking_strategy: "auto" })).text);
    const vad = { type: "server_vad", threshold: 0.4, prefix_padding_ms: 300, silence_duration_ms: 800 };
    assert.ok((await create({ chunking_strategy: vad })).text);
  },
  async keywords() {
    const options = { keywords: ["Harken", "Qwen, Alibaba"], prompt: "Digits.", hotwords: ["ASR"] };
    assert.ok((await create(options)).text);
  },
  async language() {
    says((await create({ language: facts.language })).text);
    says((await create({ languages: [facts.language] })).text);
    await refused(create({ language: "tlh" }), OpenAI.BadRequestError, "unknown_language", "language");
  },
  async temperature() {
    assert.ok((await create({ temperature: 0.2 })).text);
    await refused(create({ temperature: 1.5 }), OpenAI.BadRequestError, "unsupported_option", "temperature");
  },
  async speakers() {
    for (const [param, options] of [
      ["response_format", { response_format: "diarized_json" }],
      ["known_speaker_names[]", { known_speaker_names: ["Ann"] }],
    ])
      await refused(create(options), OpenAI.BadRequestError, "unsupported_option", param);
  },
  async unknown_field() {
    await refused(create({ promt: "x" }), OpenAI.BadRequestError, "unsupported_option", "promt");
  },
  async bad_audio() {
    const file = await toFile(Buffer.from("no audio"), "a.wav");
    await refused(create({ file }), OpenAI.BadRequestError, "undecodable_audio", "file");
  },
  async unknown_model() {
    await refused(create({ model: "gpt-4o-transcribe" }), OpenAI.NotFoundError, "model_not_found", "model");
  },
  async translation() {
    const call = client.audio.translations.create({ file: createReadStream(facts.file), model });
    await refused(call, OpenAI.InternalServerError, "not_offered");
  },
  async too_large() {
    if (!facts.large) throw new Skip("needs --large");
    const file = await toFile(Buffer.alloc(facts.large), "a.wav");
    await refused(create({ file }), OpenAI.APIError, "upload_too_large");
  },
  async wrong_key() {
    if (!facts.key) throw new Skip("needs --key");
    const call = clientFor("hk_wrong").audio.transcriptions.create({ file: createReadStream(facts.file), model });
    await refused(call, OpenAI.AuthenticationError, "invalid_api_key");
  },
  async headers() {
    const { data, response } = await create({}, { headers: { "X-Request-Id": "mine-7" } }).withResponse();
    assert.equal(response.headers.get("x-request-id"), "mine-7");
    says(data.text);
  },
};

for (const [check, run] of Object.entries(checks)) {
  const result = await run().then(
    () => "ok",
    (error) => (error instanceof Skip ? `skipped: ${error.message}` : `FAILED: ${String(error).slice(0, 300)}`),
  );
  console.log(JSON.stringify({ check, result }));
}
