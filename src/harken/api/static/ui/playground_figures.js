// What the playground writes in its own way: a player's clock, the size of a file. Pure; all else is in format.js.

import { number, place } from "./format.js";

/** A place in a recording, with tenths: "0:05.4". */
export function exactPlace(seconds) {
  const tenths = Math.max(0, Math.floor(seconds * 10 + 1e-6));
  return `${place(Math.floor(tenths / 10))}.${tenths % 10}`;
}

/** The size of a file, as file managers have it: "3.4 MB". */
export function size(count) {
  const [unit, one] = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]].find(([, least]) => count >= least) ?? ["B", 1];
  return `${number(count / one, one > 1 && count / one < 10 ? 1 : 0)} ${unit}`;
}
