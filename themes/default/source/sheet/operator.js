// Who works at this browser, and what is said to them.
import { all, make, status } from "../elements.js";
import { get, random, set } from "./storage.js";

export const [desk] = all("#DESK");
export const say = status("desk-say");

const BY = "runsheet:by", DEVICE = "runsheet:device";
export const initials = make("input.initials", [], {
  value: get(BY) || "",
  maxLength: 12,
  autocomplete: "off",
  onchange: () => set(BY, who()),
});
export const who = () => initials.value.trim();
/** Another tab has changed them. */
export const renew = ({ key }) => key === BY && (initials.value = get(BY));

export const device = get(DEVICE) || random();
set(DEVICE, device);
