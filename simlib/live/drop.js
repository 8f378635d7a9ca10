// A place to drop files on, or whole folders, or to choose them. It reads none of them: bytes go to Python in pieces,
// because a server takes no message of any size.

const PIECE = 1 << 20;

const make = (tag, given = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), given);
  node.append(...children);
  return node;
};

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((found, failed) => entry.file(found, failed))];
  const reader = entry.createReader(), inside = [];
  for (;;) {
    const some = await new Promise((found, failed) => reader.readEntries(found, failed));
    if (!some.length) break;
    for (const each of some) inside.push(...(await filesOf(each)));
  }
  return inside;
}

async function filesDropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const whole = items.map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]); // both are gone after a wait
  const found = [];
  for (const [entry, file] of whole) found.push(...(entry ? await filesOf(entry).catch(() => [file]) : [file]));
  return found.filter(Boolean);
}

function render({ model, el }) {
  const words = model.get("words");
  const state = make("span", { className: "st-drop-state" });
  const chooser = (folder) => {
    const input = make("input", { type: "file", multiple: true, webkitdirectory: folder, hidden: true });
    input.addEventListener("change", () => send([...input.files]).then(() => (input.value = "")));
    const button = make("button", { type: "button", textContent: folder ? words.choose_folder : words.choose_files });
    button.addEventListener("click", () => input.click());
    return [button, input];
  };
  const place = make("div", { className: "st-drop" }, make("b", { textContent: words.drop }), ...chooser(false), ...chooser(true), state);
  let run = 0;

  async function send(files) {
    if (!files.length) return;
    run += 1;
    const mine = `${Date.now()}-${run}`;
    model.send({ kind: "begin", run: mine, count: files.length });
    for (const [number, file] of files.entries()) {
      state.textContent = words.sending.replace("{done}", number + 1).replace("{total}", files.length);
      const bytes = await file.arrayBuffer();
      for (let at = 0; at === 0 || at < bytes.byteLength; at += PIECE) {
        model.send({ kind: "part", run: mine, file: number, name: file.name }, undefined, [bytes.slice(at, at + PIECE)]);
      }
    }
    model.send({ kind: "end", run: mine, count: files.length });
    state.textContent = words.reading;
  }

  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    filesDropped(event.dataTransfer).then(send);
  });
  model.on("msg:custom", (message) => {
    if (message.kind === "done") state.textContent = "";
  });
  el.append(place);
}

export default { render };
