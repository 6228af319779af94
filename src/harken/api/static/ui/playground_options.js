// What may be said about a recording before it is transcribed. On a narrow page it is folded, with its gist in one line.

import { html, language, t } from "./shell.js";
import { languageName } from "./playground_words.js";

export function Options({ session, isFolded }) {
  const fields = html`<${Fields} session=${session} />`;
  if (isFolded) {
    return html`
      <details class="panel options">
        <summary><span class="options-title">${t("play.options")}</span><span class="quiet">${gist(session)}</span></summary>
        ${fields}
      </details>
    `;
  }
  return html`
    <aside class="panel options" aria-labelledby="options-title">
      <h2 id="options-title" class="options-title">${t("play.options")}</h2>
      ${fields}
    </aside>
  `;
}

function gist({ options, ask }) {
  return [
    options.language ? languageName(options.language, language()) : t("play.language.auto"),
    ask.keywords.length ? t("play.keywords.count", { n: ask.keywords.length }) : "",
    ask.prompt ? t("play.context.given") : "",
  ].filter(Boolean).join(" · ");
}

function Fields({ session }) {
  const { options, model } = session;
  const typed = (name) => (event) => session.option(name, event.target.value);
  return html`
    <div class="options-fields">
      <${Model} session=${session} />
      <label>${t("play.language")}
        <select name="language" value=${options.language} onChange=${typed("language")}>
          <option value="">${t("play.language.auto")}</option>
          ${(model?.languages ?? []).map((name) => html`
            <option key=${name} value=${name}>${languageName(name, language())}</option>
          `)}
        </select>
      </label>
      <div>
        <label for="keywords">${t("play.keywords")}</label>
        <textarea id="keywords" rows="2" spellcheck=${false} aria-describedby="keywords-hint" value=${options.keywords}
          onInput=${typed("keywords")}></textarea>
        <p id="keywords-hint" class="hint">${t("play.keywords.hint")}</p>
      </div>
      <div>
        <label for="context">${t("play.context")}</label>
        <textarea id="context" rows="2" aria-describedby="context-hint" value=${options.context}
          onInput=${typed("context")}></textarea>
        <p id="context-hint" class="hint">${t("play.context.hint")}</p>
      </div>
      <${Times} session=${session} />
    </div>
  `;
}

function Model({ session }) {
  const { model, modelError } = session;
  return html`
    <div class="model" role="status">
      <p class="label">${t("play.model")}</p>
      ${model && html`<p class="model-name">${model.id}</p>`}
      ${model?.aligner && html`<p class="hint">${t("play.model.aligner", { name: model.aligner.id })}</p>`}
      ${modelError && html`<p class="hint">${modelError.status === 503 ? t("play.model.unknown") : modelError.message}</p>`}
    </div>
  `;
}

function Times({ session }) {
  const isOfWords = session.hasWords || !session.model;
  return html`
    <div>
      <label class="check">
        <input type="checkbox" checked=${session.options.hasTimes} aria-describedby="times-hint"
          onChange=${(event) => session.option("hasTimes", event.target.checked)} />
        ${t(isOfWords ? "play.times" : "play.times.sentences")}
      </label>
      <p id="times-hint" class="hint">${t("play.times.hint")} ${isOfWords ? "" : t("play.times.none")}</p>
    </div>
  `;
}
