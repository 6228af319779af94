// Figures as people read them, in the page's language: pure. What is not known is "–", never 0.

import { language } from "./settings.js";
import { addWords, t } from "./words.js";

const NOTHING = "–";
const formats = new Map();

function formatter(digits) {
  const name = `${language()} ${digits}`;
  if (!formats.has(name)) {
    formats.set(name, new Intl.NumberFormat(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return formats.get(name);
}

const isKnown = (value) => typeof value === "number" && Number.isFinite(value);

/** 1234.5, 1 → "1,234.5". */
export const number = (value, digits = 0) => (isKnown(value) ? formatter(digits).format(value) : NOTHING);

/** A share of 0 to 1 as "99.7 %"; only a whole one is 100 %. */
export function percent(share) {
  if (!isKnown(share)) return NOTHING;
  const shown = share < 1 ? Math.min(share * 100, 99.9) : 100;
  return `${number(shown, shown >= 99.95 || shown < 0.05 ? 0 : 1)} %`;
}

/** A share where a tenth does not matter: "41 %". */
export const roughly = (share) => (isKnown(share) ? `${number(share * 100)} %` : NOTHING);

/** How many times faster than real time: "52×". */
export const speed = (rtfx) => (isKnown(rtfx) ? `${number(rtfx, rtfx && rtfx < 10 ? 1 : 0)}×` : NOTHING);

/** Seconds of waiting: "0.20 s", "12.4 s", "2 min 5 s". */
export function seconds(value) {
  if (!isKnown(value)) return NOTHING;
  if (value >= 99.95) return span(value);
  const digits = value === 0 ? 0 : value < 0.01 ? 3 : value < 9.995 ? 2 : 1;
  return t("unit.s", { value: number(value, digits) });
}

/** A length in its two largest units: "21.5 s", "6 min 50 s", "13 h 33 min", "4 d 2 h". */
export function span(value) {
  if (!isKnown(value)) return NOTHING;
  if (value < 99.95) return t("unit.s", { value: number(value, Number.isInteger(value) || value >= 59.95 ? 0 : 1) });
  const whole = Math.round(value);
  for (const [unit, size, below, part] of UNITS) {
    if (whole < size) continue;
    const rest = Math.floor((whole % size) / part);
    const first = t(`unit.${unit}`, { value: number(Math.floor(whole / size)) });
    return rest ? `${first} ${t(`unit.${below}`, { value: rest })}` : first;
  }
  return NOTHING;
}

const UNITS = [
  ["d", 86400, "h", 3600],
  ["h", 3600, "min", 60],
  ["min", 60, "s", 1],
];

/** How long ago in one unit: "now", "6 s ago", "23 min ago". */
export function ago(value) {
  if (!isKnown(value)) return NOTHING;
  if (value < 1) return t("unit.now");
  const [unit, size] = value < 60 ? ["s", 1] : (UNITS.find(([, least]) => value >= least) ?? ["s", 1]);
  return t("unit.ago", { span: t(`unit.${unit}`, { value: number(Math.floor(value / size)) }) });
}

/** Memory: "402 MiB", "9.0 GiB". */
export function bytes(value) {
  if (!isKnown(value)) return NOTHING;
  const mib = value / 2 ** 20;
  return mib < 1000 ? `${number(mib)} MiB` : `${number(mib / 1024, mib < 102400 ? 1 : 0)} GiB`;
}

/** A moment, in seconds since 1970, as the clock shows it. */
export const clock = (at, withSeconds = true) =>
  new Date(at * 1000).toLocaleTimeString(language(), {
    hour: "2-digit", minute: "2-digit", ...(withSeconds ? { second: "2-digit" } : {}), hourCycle: "h23",
  });

/** A place in a recording: "1:02". */
export function place(value) {
  const whole = Math.floor(value);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (part) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

addWords({
  en: {
    "unit.s": "{value} s", "unit.min": "{value} min", "unit.h": "{value} h", "unit.d": "{value} d",
    "unit.now": "now", "unit.ago": "{span} ago",
  },
  "zh-CN": {
    "unit.s": "{value} 秒", "unit.min": "{value} 分", "unit.h": "{value} 小时", "unit.d": "{value} 天",
    "unit.now": "刚刚", "unit.ago": "{span}前",
  },
});
