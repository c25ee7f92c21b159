// What is typed into a blank: is it of the kind that is asked for, and are two counts equal?

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
    if (!/^-?\d+$/.test(text)) return "Digits only";
    if (min != null && Number(text) < min) return `Less than ${min}`;
    if (max != null && Number(text) > max) return `More than ${max}`;
  }
  if (kind === "ip" && !isAddress(text)) return "Not an IP address";
  if (kind === "url" && !/^https?:$/.test(/\s/.test(text) || urlOf(text).protocol)) return "Not a web address";
  return kind === "time" && !isTime(text) ? "Not a time, as 02:15" : "";
}

export function compare(from, to) {
  if (!from || !to) return "";
  const counts = /^-?\d+ -?\d+$/.test(`${from} ${to}`), by = counts ? BigInt(to) - BigInt(from) : 0n;
  return by ? `differs by ${by < 0n ? -by : by}: target has ${by < 0n ? "less" : "more"}` : counts || from === to ? "match" : "differs";
}
