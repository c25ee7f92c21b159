// Without a network: the worker keeps the sheets, the desk says since when.
import { all, write } from "../elements.js";
import { loadRun } from "./load.js";
import { event, sheet } from "./plan.js";

const [offline] = all(".offline"), { worker } = document.body.dataset, service = navigator.serviceWorker;

// Under `runsheet serve` pages change all the time: nothing is kept. What no worker keeps is loaded at once, lest the network goes.
if (worker && service && /^http/.test(location) && !all('script[src^="/_runsheet/"]').length) {
  const words = { ...offline.dataset, date: sheet.date, offsets: event.offsets };
  const tell = () => service.ready.then(({ active }) => active.postMessage({ ...words, isOffline: !navigator.onLine }));
  service.onmessage = ({ data }) => write(offline, data);
  const refused = () => {
    write(offline, offline.dataset.failed);
    loadRun();
  };
  const register = () => service.register(worker).then((registration) => {
    const { installing, active } = registration;
    // It could not keep everything.
    if (!active) installing?.addEventListener("statechange", () => installing.state === "redundant" && refused());
    return tell();
  }).catch(refused);
  // The page comes first: what the worker fetches would keep it waiting.
  if (service.controller) register();
  else addEventListener("load", register);
  for (const name of ["online", "offline"]) addEventListener(name, tell);
} else loadRun();
