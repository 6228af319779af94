// The panel with the same request as a program.

import { apiKey, base, html, t } from "./shell.js";
import { useState } from "./vendor/preact.js";
import { FORMATS, codeOf, fieldsOf } from "./playground_code.js";
import { Copy } from "./playground_result.js";

const LANGUAGES = { curl: "curl", python: "Python", javascript: "JavaScript" };
/** Strings and comments; the rest is left in the text's colour. */
const PARTS = /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\]|\\.|'\\'')*'|`[^`]*`)/;

export function CodePanel({ session }) {
  const [language, setLanguage] = useState("curl");
  const [format, setFormat] = useState("stream");
  const code = codeOf(language, {
    address: base.href.replace(/\/$/, ""),
    file: session.file?.name || "recording.wav",
    fields: fieldsOf(session.ask, format),
    hasKey: Boolean(apiKey()),
  });
  const hints = [apiKey() ? "play.code.key" : "", language === "curl" ? "" : `play.code.${language}`].filter(Boolean);
  return html`
    <section class="panel code" aria-labelledby="code-title">
      <div class="panel-head">
        <h2 id="code-title">${t("play.code")}</h2>
        <span class="grow"></span>
        <${Choice} language=${language} setLanguage=${setLanguage} />
        <label class="inline">${t("play.code.format")}
          <select value=${format} onChange=${(event) => setFormat(event.target.value)}>
            ${Object.keys(FORMATS).map((each) => html`<option key=${each} value=${each}>${t(`play.code.${each}`)}</option>`)}
          </select>
        </label>
        <${Copy} label=${t("play.copy.code")} text=${() => `${code}\n`} />
      </div>
      <pre tabindex="0" role="region" aria-label=${LANGUAGES[language]}><code>${coloured(code)}</code></pre>
      ${hints.length > 0 && html`<p class="hint">${hints.map((each) => t(each)).join(" ")}</p>`}
    </section>
  `;
}

const Choice = ({ language, setLanguage }) => html`
  <fieldset class="choice">
    <legend class="hidden-text">${t("play.code.in")}</legend>
    ${Object.entries(LANGUAGES).map(([name, title]) => html`
      <label key=${name}>
        <input type="radio" name="code-language" value=${name} checked=${language === name}
          onChange=${() => setLanguage(name)} />
        <span>${title}</span>
      </label>
    `)}
  </fieldset>
`;

const coloured = (code) =>
  code.split(PARTS).map((part, index) => (index % 2 ? html`<span class="string">${part}</span>` : part));
