// Every sentence of the pages in both languages, by key. A module adds its own with `addWords`; `{name}` is filled in,
// and of "one thing|{n} things" the first is for n = 1. A key that is missing shows itself, and fails a test.

import { language } from "./settings.js";

const books = { en: {}, "zh-CN": {} };

/** Add sentences: {en: {key: text}, "zh-CN": {key: text}}. */
export function addWords(added) {
  for (const [name, words] of Object.entries(added)) Object.assign(books[name], words);
}

/** All sentences; for tests. */
export const allWords = () => books;

/** Whether there is a sentence of that key. */
export const hasWord = (key) => key in books.en;

/** The sentence of that key in the page's language. */
export function t(key, values = {}) {
  const text = books[language()]?.[key] ?? books.en[key] ?? key;
  const forms = text.split("|");
  const form = forms.length > 1 && values.n !== 1 ? forms[1] : forms[0];
  return form.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

addWords({
  en: {
    "shell.skip": "Skip to the content",
    "shell.pages": "Pages",
    "shell.dashboard": "Dashboard",
    "shell.playground": "Playground",
    "shell.api": "API",
    "shell.settings": "Settings",
    "shell.language": "Switch to {language}",
    "shell.theme": "Theme: {theme}",
    "shell.theme.auto": "as the system",
    "shell.theme.light": "light",
    "shell.theme.dark": "dark",
    "shell.key": "Key",
    "shell.key.set": "API key: in use",
    "shell.key.unset": "API key: none",
    "key.title": "API key",
    "key.why": "It is kept in this tab until it is closed, and sent to this server alone.",
    "key.field": "Key",
    "key.use": "Use this key",
    "key.forget": "Forget the key",
    "key.cancel": "Cancel",
    "key.odd": "No API key has such characters: a key is Latin letters, digits, _ and -, without spaces.",
    "key.unknown": "The API key is unknown or revoked.",
    "key.needed": "An API key is needed.",
    "key.no_admin": "This key is valid, but it is not an admin's.",
    "key.any": "A key is made with: harken keys add NAME",
    "key.admin": "An admin key is made with: harken keys add NAME --admin",
    "error.network": "The server cannot be reached.",
    "error.odd": "The server answered {status} without a sentence.",
    "error.detailed": "{sentence} ({details})",
  },
  "zh-CN": {
    "shell.skip": "跳到正文",
    "shell.pages": "页面",
    "shell.dashboard": "仪表盘",
    "shell.playground": "试用",
    "shell.api": "API",
    "shell.settings": "设置",
    "shell.language": "切换到 {language}",
    "shell.theme": "主题：{theme}",
    "shell.theme.auto": "跟随系统",
    "shell.theme.light": "浅色",
    "shell.theme.dark": "深色",
    "shell.key": "密钥",
    "shell.key.set": "API 密钥：使用中",
    "shell.key.unset": "API 密钥：未设置",
    "key.title": "API 密钥",
    "key.why": "只保存在此标签页中，关闭即清除，并且只发送给本服务器。",
    "key.field": "密钥",
    "key.use": "使用此密钥",
    "key.forget": "清除密钥",
    "key.cancel": "取消",
    "key.odd": "API 密钥中不会有这样的字符：密钥只含拉丁字母、数字、_ 和 -，没有空格。",
    "key.unknown": "API 密钥不存在或已撤销。",
    "key.needed": "需要 API 密钥。",
    "key.no_admin": "此密钥有效，但不是管理员密钥。",
    "key.any": "创建密钥：harken keys add NAME",
    "key.admin": "创建管理员密钥：harken keys add NAME --admin",
    "error.network": "无法连接服务器。",
    "error.odd": "服务器返回 {status}，没有说明。",
    "error.detailed": "{sentence}（{details}）",
  },
});
