// What is typed into a blank: is it of the kind that is asked for, and are two counts equal?

import { phrase } from "../elements.js";

const urlOf = (text) => {
  try {
    return new URL(text);
  } catch {
    return {};
  }
};

function isAddress(text) {
  const six = text.includes(":"), { hostname } = urlOf(`http://${six ? `[${text}]` : text}/`);
  return /^[\da-f:.]+$/i.test(text) && hostname && (six || (hostname === text && /\d$/.test(text)));
}
function isTime(text) {
  const [clock, date] = /^(\d{4}-\d\d-\d\d[T ])?([01]\d|2[0-3])(:[0-5]\d){1,2}( ?(Z|UTC|[+-]\d\d:?\d\d))?$/.exec(text) || [];
  return clock && (!date || Date.parse(date.slice(0, 10)));
}

/** What is wrong with a text, or nothing. */
export function wrong({ kind, min, max }, text) {
  if (!text) return "";
  if (kind === "integer") {
    if (!/^-?\d+$/.test(text)) return "%%run.digits_only%%";
    if (min != null && Number(text) < min) return phrase("%%run.less_than least%%", min);
    if (max != null && Number(text) > max) return phrase("%%run.more_than most%%", max);
  }
  if (kind === "ip" && !isAddress(text)) return "%%run.not_ip%%";
  if (kind === "url" && !/^https?:$/.test(/\s/.test(text) || urlOf(text).protocol)) return "%%run.not_url%%";
  return kind === "time" && !isTime(text) ? "%%run.not_time%%" : "";
}

/** Two counts are the same. */
export const SAME = "%%run.match%%";

export function compare(from, to) {
  if (!from || !to) return "";
  const counts = /^-?\d+ -?\d+$/.test(`${from} ${to}`), by = counts ? BigInt(to) - BigInt(from) : 0n;
  return by ? phrase(by < 0n ? "%%run.target_less count%%" : "%%run.target_more count%%", by < 0n ? -by : by)
    : counts || from === to ? SAME : "%%run.differs%%";
}
