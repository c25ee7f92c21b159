// Who works at this browser, and what is said to them.
import { all } from "../elements.js";
import { BY, get, random, set } from "../sheet/storage.js";

export const [desk] = all("#DESK");
export const [say] = all(".desk-say", desk);
export const [initials] = all(".initials", desk);
/** A button of the desk, with what it does. */
export const press = (name, onclick) => Object.assign(all(`[name=${name}]`, desk)[0], { onclick });
export const who = () => initials.value.trim();
// What is being written while this script comes is newer. `sheet.js` keeps what is written.
initials.value ||= get(BY) || "";
/** Another tab has changed them. */
export const renew = ({ key }) => key === BY && (initials.value = get(BY));

const DEVICE = "runsheet:device";
export const device = get(DEVICE) || random();
set(DEVICE, device);
