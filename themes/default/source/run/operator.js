// Who works at this browser, and what is said to them.
import { all } from "../elements.js";
import { BY, get, random, set } from "../sheet/storage.js";

export const [desk] = all("#DESK");
export const [say] = all(".desk-say", desk);
export const [initials] = all(".initials", desk);
export const who = () => initials.value.trim();
const note = () => set(BY, who());
initials.onchange = note;
// What was written before this script was there
if (who()) note();
else initials.value = get(BY) || "";
/** Another tab has changed them. */
export const renew = ({ key }) => key === BY && (initials.value = get(BY));

const DEVICE = "runsheet:device";
export const device = get(DEVICE) || random();
set(DEVICE, device);
