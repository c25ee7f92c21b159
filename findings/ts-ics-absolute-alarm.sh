#!/usr/bin/env bash
# ts-ics 2.4.6: an alarm at a fixed time is written as something else, and not even ts-ics finds the time in it again.
#
# Expected: `TRIGGER;VALUE=DATE-TIME:20270213T010000Z` stays as it is when a calendar is read and written. A TRIGGER without
# VALUE is a duration (RFC 5545 §3.8.6.3), so a time needs the parameter.
# Seen: it is written as `TRIGGER:20270213T010000Z`. ts-ics reads that as an alarm relative to the start, with an empty duration.
# Written once more it is `TRIGGER:undefined`. There is no error in any of these steps. A relative alarm stays as it is.
#
# Cause: `generateIcsTrigger` gives the line of an absolute trigger no parameters at all. `convertIcsTrigger` takes a trigger for
# absolute only if VALUE is there, and gives all others to `convertIcsDuration`, which skips what it does not know.
# A sender is on the safe side with relative alarms, as Runsheet writes them. A user of ts-ics has to put `;VALUE=DATE-TIME` into
# such lines before the calendar is stored or sent.
#
# This script fails if that changes. It needs node and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" ts-ics@2.4.6
cat > "$folder/check.mjs" <<'JAVASCRIPT'
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { convertIcsCalendar, generateIcsCalendar } from "ts-ics";

const calendar = (trigger) =>
  [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Sample//EN",
    "BEGIN:VEVENT",
    "UID:1@cutover.example",
    "DTSTAMP:20270101T000000Z",
    "DTSTART:20270213T020000Z",
    "DTEND:20270213T033000Z",
    "SUMMARY:Cutover",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    "DESCRIPTION:Cutover",
    trigger,
    "END:VALARM",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ].join("\r\n");

const read = (text) => convertIcsCalendar(undefined, text);
const write = (text) => generateIcsCalendar(read(text));
const line = (text) => text.match(/^TRIGGER.*$/m)[0].trim();
const alarm = (text) => read(text).events[0].alarms[0].trigger;

const { version } = JSON.parse(readFileSync(new URL("node_modules/ts-ics/package.json", import.meta.url)));
console.log(`ts-ics ${version}`);

const relative = "TRIGGER;RELATED=END:-PT15M";
assert.equal(line(write(calendar(relative))), relative, "a relative alarm stays as it is");

const source = calendar("TRIGGER;VALUE=DATE-TIME:20270213T010000Z");
assert.equal(alarm(source).type, "absolute");
assert.equal(alarm(source).value.date.toISOString(), "2027-02-13T01:00:00.000Z", "the time is read as it is meant");

const once = write(source);
assert.equal(line(once), "TRIGGER:20270213T010000Z", "this has changed: what is written");
assert.equal(alarm(once).type, "relative", "this has changed: how it is read again");
assert.deepEqual(alarm(once).value, {}, "this has changed: how it is read again");
assert.equal(line(write(once)), "TRIGGER:undefined", "this has changed: what is written the second time");
console.log(`seen: ${line(source)} becomes ${line(once)}, then ${line(write(once))}, without an error`);
JAVASCRIPT
node "$folder/check.mjs"
