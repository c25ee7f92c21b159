// Without a network: the worker keeps the sheets, the desk says since when.
import { all, write } from "../elements.js";
import { offline } from "./desk.js";
import { event, sheet } from "./plan.js";

const { worker } = document.body.dataset, service = navigator.serviceWorker;

// Under `runsheet serve` pages change all the time: nothing is kept.
if (worker && service && /^http/.test(location) && !all('script[src^="/_runsheet/"]').length) {
  const of = /Built at .*/.exec(all(".foot")[0]?.textContent)?.[0] || "Version " + sheet.version;
  const tell = () => service.ready.then(({ active }) => active.postMessage({ zone: event.zone, offline: !navigator.onLine, of }));
  service.onmessage = ({ data }) => write(offline, data);
  service.register(worker).then(tell).catch(() => write(offline, "Not saved for offline use."));
  for (const name of ["online", "offline"]) addEventListener(name, tell);
}
