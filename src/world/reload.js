// Added to pages only by `runsheet serve`: reloads after a change, shows faults as text.
(() => {
  let seen;
  const source = new EventSource("/_runsheet/events");
  source.onmessage = (message) => {
    const { change, faults } = JSON.parse(message.data);
    if (seen !== undefined && change !== seen && !faults) return location.reload();
    seen = change;
    show(faults);
  };
  const show = (faults) => {
    document.getElementById("runsheet-faults")?.remove();
    if (!faults) return;
    const box = document.createElement("pre");
    box.id = "runsheet-faults";
    box.setAttribute("role", "alert");
    box.textContent = "The last change has faults; the page shows the state before it.\n\n" + faults;
    Object.assign(box.style, {
      position: "fixed", inset: "auto 0 0 0", maxHeight: "60vh", overflow: "auto", margin: "0", padding: "1rem 1.25rem",
      background: "#1c1c1c", color: "#ffd9d4", borderTop: "4px solid #d4351c", font: "14px/1.5 monospace", zIndex: "9999",
      whiteSpace: "pre-wrap",
    });
    document.body.append(box);
  };
})();
