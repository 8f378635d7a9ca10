// The live page in the browser: sliders in, a table and three curves out. It computes nothing about chats and shows
// nothing of its own: words and figures come ready from Python. It keeps where its own sliders stand and stood.

const COLOURS = { open_chats: "#0072B2", waiting: "#D55E00", first_response: "#8A5A00" };
const OVERDUE_MS = 1000, SILENCE_MS = 15000, STEPS_KEPT = 100;
const INK = "#1F2933", SOFT = "#52606D", GRID = "#E4E7EB", GHOST = "#9AA5B1", DARK = "rgba(200,30,30,.10)";

const make = (tag, given = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), given);
  node.append(...children);
  return node;
};

// --- what a slider's value looks like ---

const writers = (page) => ({
  people: (value, slider) => `${value} ${slider.unit}`,
  chats: (value, slider) => `${value} ${slider.unit}`,
  hours: (value, slider) => `+${value} ${slider.unit}`,
  share: (value) => `${Math.round(100 * value)}%`,
  mix: (value) => `${Math.round(100 * value)} : ${100 - Math.round(100 * value)}`,
  clock: (value) => page.clock[Math.round(value / page.step_min)],
});

// --- the picture of the night ---

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 2, 2.5, 5, 10].map((part) => part * power).find((top) => top >= value);
}

function drawNight(canvas, page, night, scene) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height || !night) return;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const size = width > 1150 ? 14 : 12;
  const family = getComputedStyle(canvas).fontFamily;
  const steps = page.clock.length - 1;
  const left = 52, right = width - 8, foot = size + 10, head = size + 9;
  const panel = (height - foot) / page.curves.length;
  const [first, last] = scene.zoomed ? page.rush : [0, steps];
  const across = (step) => left + ((right - left) * (step - first)) / (last - first);
  const perHour = 60 / page.step_min;
  const values = (curve, line) => night.curves.subarray((4 * curve + line) * steps, (4 * curve + line + 1) * steps);

  page.curves.forEach(([key, label, unit], curve) => {
    const top = curve * panel + head, bottom = (curve + 1) * panel - 6;
    const [plan, mean, low, high] = [0, 1, 2, 3].map((line) => values(curve, line));
    const target = page.target.curve === key ? page.target : null;
    let most = target ? target.value * 1.15 : 1;
    for (const line of [plan, mean, high]) for (const value of line.subarray(first, last)) if (value > most) most = value;
    const needed = most;
    most = topOf(scene, curve, niceTop(needed));
    const up = (value) => bottom - ((bottom - top) * Math.min(value, most)) / most;

    if (night.dark) {
      pen.fillStyle = DARK;
      const [from, to] = night.dark.map((minute) => Math.min(Math.max(across(minute / page.step_min), left), right));
      pen.fillRect(from, top, to - from, bottom - top);
    }
    pen.lineWidth = 1;
    pen.font = `${size}px ${family}`;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const part of [0, 0.5, 1]) {
      const y = Math.round(up(part * most)) + 0.5;
      pen.strokeStyle = part ? GRID : GHOST;
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(right, y);
      pen.stroke();
      pen.fillStyle = SOFT;
      pen.fillText(String(part * most), left - 6, y);
    }
    pen.textAlign = "left";
    pen.fillStyle = COLOURS[key];
    pen.font = `600 ${size}px ${family}`;
    pen.fillText(`${label}${page.lang === "en" ? " (" : "（"}${unit}${page.lang === "en" ? ")" : "）"}`, left, top - size / 2 - 3);

    if (needed > most) {
      pen.textAlign = "right"; // the axis stands still while a slider moves, and says what lies above it
      pen.fillText(`↑ ${Math.round(needed)}`, right, top - size / 2 - 3 + (curve ? 0 : size + 4));
      pen.textAlign = "left";
    }
    pen.save();
    pen.beginPath();
    pen.rect(left, top - 2, right - left, bottom - top + 4);
    pen.clip();
    pen.fillStyle = COLOURS[key] + "33"; // the band: the light area between its edges, wherever buyers came
    runs(mean, (from, to) => {
      pen.beginPath();
      for (let step = from; step < to; step++) pen.lineTo(across(step + 0.5), up(high[step]));
      for (let step = to - 1; step >= from; step--) pen.lineTo(across(step + 0.5), up(low[step]));
      pen.fill();
    });
    const stroke = (line, colour, wide) => {
      pen.strokeStyle = colour;
      pen.lineWidth = wide;
      pen.lineJoin = "round";
      runs(line, (from, to) => {
        pen.beginPath();
        for (let step = from; step < to; step++) pen.lineTo(across(step + 0.5), up(line[step]));
        pen.stroke();
      });
    };
    stroke(plan, GHOST, 1.6);
    stroke(mean, COLOURS[key], 2.2);
    pen.restore();
    if (target) {
      const y = Math.round(up(target.value)) + 0.5;
      pen.setLineDash([6, 4]);
      pen.strokeStyle = INK;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(right, y);
      pen.stroke();
      pen.setLineDash([]);
      pen.font = `${size}px ${family}`;
      pen.fillStyle = INK;
      pen.fillText(target.label, left + 6, y - size / 2 - 3);
    }
  });

  // the key to the lines, at the top on the right
  pen.font = `${size}px ${family}`;
  pen.textAlign = "right";
  let x = right;
  for (const [word, colour, wide] of [[page.words.now, INK, 2.4], [page.words.plan, GHOST, 1.6]]) {
    pen.fillStyle = SOFT;
    pen.fillText(word, x, size / 2 + 3);
    x -= pen.measureText(word).width + 6;
    pen.strokeStyle = colour === INK ? COLOURS.open_chats : colour;
    pen.lineWidth = wide;
    pen.beginPath();
    pen.moveTo(x - 22, size / 2 + 3);
    pen.lineTo(x, size / 2 + 3);
    pen.stroke();
    x -= 36;
  }

  pen.textAlign = "center";
  pen.fillStyle = SOFT;
  const each = scene.zoomed ? 1 : width > 700 ? 2 : 4;
  for (let hour = Math.ceil(first / perHour); hour * perHour <= last; hour += each) {
    const at = Math.min(Math.max(across(hour * perHour), left + 4), right - 16);
    pen.fillText(page.clock[hour * perHour], at, height - foot / 2);
  }
  canvas.dataset.tops = scene.tops.join(" ");
  if (night.hover !== null) drawReading(pen, page, night, { across, first, last, left, right, panel, head, size, values, height, foot });
}

// The top of a curve's axis: it stands still while a slider moves, and for changes that are small.
function topOf(scene, curve, needed) {
  const top = scene.tops[curve];
  if (top === undefined || (!scene.held && (needed > top || needed < 0.6 * top))) scene.tops[curve] = needed;
  return scene.tops[curve];
}

function runs(line, each) {
  let from = -1;
  for (let step = 0; step <= line.length; step++) {
    const there = step < line.length && !Number.isNaN(line[step]);
    if (there && from < 0) from = step;
    if (!there && from >= 0) {
      each(from, step);
      from = -1;
    }
  }
}

function drawReading(pen, page, night, { across, first, last, left, right, panel, head, size, values, height, foot }) {
  const step = Math.min(Math.max(night.hover, first), last - 1);
  const x = across(step + 0.5);
  pen.strokeStyle = INK;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x, head);
  pen.lineTo(x, height - foot);
  pen.stroke();
  const onLeft = x > (left + right) / 2;
  pen.textAlign = onLeft ? "right" : "left";
  page.curves.forEach((_, curve) => {
    const [plan, mean] = [values(curve, 0)[step], values(curve, 1)[step]];
    const show = (value) => (Number.isNaN(value) ? "–" : value.toFixed(value < 10 ? 1 : 0));
    const text = `${page.clock[step]}  ${page.words.now} ${show(mean)} · ${page.words.plan} ${show(plan)}`;
    const wide = pen.measureText(text).width + 12, y = curve * panel + head + size;
    pen.fillStyle = "rgba(255,255,255,.92)";
    pen.fillRect(onLeft ? x - wide - 4 : x + 4, y - size * 0.8, wide, size * 1.6);
    pen.fillStyle = INK;
    pen.fillText(text, onLeft ? x - 10 : x + 10, y);
  });
}

// --- the page ---

// A machine without Chinese fonts gets the signs that the page needs; elsewhere the system's own come first.
async function loadTypeface(address) {
  if ([...document.fonts].some((face) => face.family.includes("Sandtable Sans"))) return;
  const face = new FontFace("Sandtable Sans", `url(${address})`);
  document.fonts.add(face);
  await face.load().catch(() => undefined);
}

// What a reload brings back: where this tab's sliders stand and stood, as long as the plan is the same.
function remember(page) {
  const name = `sandtable ${page.title}`, plan = JSON.stringify([page.plan, page.actions]);
  try {
    const kept = JSON.parse(sessionStorage.getItem(name));
    const keep = (now) => sessionStorage.setItem(name, JSON.stringify({ ...now, plan }));
    return { kept: kept?.plan === plan ? kept : {}, keep };
  } catch {
    return { kept: {}, keep() {} }; // a browser that keeps nothing
  }
}

async function render({ model, el }) {
  const page = model.get("page");
  await loadTypeface(page.typeface);
  const view = crypto.randomUUID();
  const write = writers(page);
  const sliders = new Map(page.sliders.map((slider) => [slider.key, slider]));
  const memory = remember(page);
  let position = { ...page.plan, ...memory.kept.position };
  let settled = { ...position }; // where the sliders rested last: what an undo goes back to
  const past = memory.kept.past ?? [];
  let asked = 0, sent = 0, shown = 0, frame = 0, waiting = 0, silence = 0;
  let night = null;

  // sliders
  const inputs = new Map();
  const form = make("form", { onsubmit: (event) => event.preventDefault() });
  for (const [group, title] of page.groups) {
    const box = make("fieldset", {}, make("legend", { textContent: title }));
    if (group === "outage") {
      const choice = make("select", { name: "outage" }, make("option", { value: "", textContent: page.words.none }));
      for (const [key, label] of page.outages) choice.append(make("option", { value: key, textContent: label }));
      choice.addEventListener("change", () => (move("outage", choice.value), settle()));
      inputs.set("outage", { input: choice, row: make("label", { className: "wide" }, make("span", { textContent: page.outage_label }), choice) });
      box.append(inputs.get("outage").row);
    }
    for (const slider of page.sliders.filter((each) => each.group === group)) {
      const input = make("input", { type: "range", name: slider.key, min: slider.low, max: slider.high, step: slider.step });
      const output = make("output");
      const row = make("label", {}, make("span", { textContent: slider.label, title: slider.label }), input, output);
      input.addEventListener("input", () => move(slider.key, Number(input.value)));
      input.addEventListener("change", settle);
      inputs.set(slider.key, { input, output, row, slider });
      box.append(row);
    }
    form.append(box);
  }
  const offers = page.actions.map(([key, text, moves]) => {
    const button = make("button", { type: "button", textContent: text, title: text, onclick: () => take(key) });
    button.dataset.action = key;
    return { button, moves };
  });
  const offered = make("fieldset", { className: "offers" }, make("legend", { textContent: page.words.actions }), ...offers.map(({ button }) => button));
  if (!offers.length) offered.append(make("p", { className: "keys", textContent: page.words.no_actions }));
  form.prepend(offered);
  const undo = make("button", { type: "button", textContent: page.words.undo, onclick: goBack });
  const reset = make("button", { type: "button", textContent: page.words.back_to_plan, onclick: () => goTo(page.plan) });
  const name = make("input", { type: "text", className: "scenario", placeholder: page.words.name_it, maxLength: 60 });
  name.setAttribute("aria-label", page.words.name_it);
  const keep = make("button", { type: "button", className: "main", textContent: page.words.keep, onclick: keepIt("keep") });
  name.addEventListener("keydown", (event) => event.key === "Enter" && keepIt("keep")());
  const planName = make("input", { type: "text", className: "whole", placeholder: page.words.plan_name, maxLength: 60 });
  const planReason = make("input", { type: "text", placeholder: page.words.plan_reason, maxLength: 200 });
  planName.setAttribute("aria-label", page.words.plan_name);
  planReason.setAttribute("aria-label", page.words.plan_reason);
  const keepPlan = make("button", { type: "button", className: "plan", textContent: page.words.keep_plan, onclick: keepIt("plan") });
  form.append(make("div", { className: "acts" }, undo, reset, planName, planReason, keepPlan, name, keep), make("p", { className: "keys", textContent: page.words.keys }));

  // figures
  const verdict = make("p", { className: "verdict", textContent: page.words.thinking });
  verdict.setAttribute("aria-live", "polite");
  const notice = make("p", { className: "notice" });
  notice.setAttribute("role", "status");
  const cells = { now: [], plan: [], change: [] };
  const table = make("table", {}, make("thead", {}, make("tr", {}, make("th"), ...page.rows.map(([, label, bound]) => make("th", { scope: "col" }, label, make("span", { className: "bound", textContent: bound }))))));
  table.style.setProperty("--figures", page.rows.length);
  for (const line of ["now", "plan", "change"]) {
    const row = make("tr", { className: line }, make("th", { scope: "row", textContent: page.words[line] }));
    for (const [key] of page.rows) {
      const cell = make("td");
      cell.dataset.kpi = key;
      cells[line].push(cell);
      row.append(cell);
    }
    table.append(row);
  }
  const planRows = [];
  const canvas = make("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", page.curves.map(([, label]) => label).join(", "));
  const picture = make("div", { className: "picture" }, canvas);
  const status = make("p", { className: "status" });
  const scene = { zoomed: false, held: false, tops: [] }; // what of the night is shown, and the tops of its axes
  const [opens, closes] = page.rush.map((step) => page.clock[step]);
  const zoom = make("button", { type: "button", onclick: () => { scene.zoomed = !scene.zoomed; scene.tops = []; showZoom(); redraw(); } });
  function showZoom() {
    zoom.textContent = scene.zoomed ? page.words.whole_night : `${page.words.rush} ${opens}–${closes}`;
    zoom.setAttribute("aria-pressed", scene.zoomed);
  }
  showZoom();
  const root = make("div", { className: "st-live" }, make("h2", { textContent: page.title }), form, make("div", { className: "right" }, verdict, notice, table, picture, make("div", { className: "foot" }, status, zoom)));
  root.dataset.lang = page.lang.slice(0, 2);
  root.lang = page.lang;
  el.append(root);

  // moving
  function move(key, value) {
    position = { ...position, [key]: value };
    scene.held = true;
    const { outage_from: from, outage_to: to } = position, least = page.step_min;
    if (key === "outage_from" && to < from + least) position.outage_to = from + least;
    if (key === "outage_to" && from > to - least) position.outage_from = to - least;
    showPosition();
    ask();
  }
  function settle() {
    scene.held = false;
    redraw();
    if (same(position, settled)) return;
    past.push(settled);
    settled = { ...position };
    showPosition();
  }
  function goTo(wanted) {
    settle();
    if (same(wanted, position)) return;
    position = { ...wanted };
    settle();
    ask();
  }
  function goBack() {
    settle();
    if (!past.length) return;
    position = past.pop();
    settled = { ...position };
    showPosition();
    ask();
  }
  function same(one, other) {
    return Object.keys(page.plan).every((key) => one[key] === other[key]);
  }
  function showPosition() {
    for (const [key, { input, output, row, slider }] of inputs) {
      if (input.value !== String(position[key])) input.value = position[key];
      if (slider) {
        const written = write[slider.shown](position[key], slider);
        if (output.textContent !== written) {
          output.textContent = written;
          input.setAttribute("aria-valuetext", written);
        }
      }
      const timed = key === "outage_from" || key === "outage_to";
      row.classList.toggle("off", timed && !position.outage);
      row.classList.toggle("moved", position[key] !== page.plan[key]);
    }
    const taken = (position.moves || "").split("|");
    for (const { button, moves } of offers) button.classList.toggle("taken", moves.every((move) => taken.includes(move)));
    undo.disabled = !past.length && same(position, settled);
    reset.disabled = same(position, page.plan);
    memory.keep({ position, past: past.slice(-STEPS_KEPT) });
  }

  // requests: one at a time; when its answer is there, or overdue, where the sliders are by then
  function ask() {
    asked += 1;
    root.dataset.asked = asked;
    notice.textContent = "";
    if (!waiting) waiting = setTimeout(sendNewest, 0);
  }
  function sendNewest() {
    sent = asked;
    model.send({ kind: "ask", view, number: asked, position });
    waiting = setTimeout(() => (asked > sent ? sendNewest() : (waiting = 0)), OVERDUE_MS);
    clearTimeout(silence);
    silence = setTimeout(() => shown < asked && showNotice(page.words.lost_touch, false), SILENCE_MS);
  }
  function goOn(number) {
    if (number !== sent || !waiting) return;
    clearTimeout(waiting);
    waiting = 0;
    if (asked > sent) sendNewest();
  }
  function keepIt(kind) {
    return () => {
      settle();
      const given = kind === "plan" ? { name: planName.value, reason: planReason.value } : { name: name.value };
      model.send({ kind, view, position, ...given });
    };
  }
  function take(action) {
    settle();
    notice.textContent = "";
    model.send({ kind: "take", view, action, position });
  }
  function showPlans(plans) {
    for (const row of planRows.splice(0)) row.remove();
    for (const plan of plans) {
      const back = make("button", { type: "button", textContent: plan.name, title: plan.reason || plan.name, disabled: !plan.position, onclick: () => goTo(plan.position) });
      const row = make("tr", { className: "kept" }, make("th", { scope: "row" }, back), ...plan.cells.map((text) => make("td", { textContent: text })));
      planRows.push(row);
      table.append(row);
    }
  }
  function showNotice(text, good) {
    notice.textContent = text;
    notice.classList.toggle("good", good);
  }

  // messages: a night that is older than the one shown is stale and dropped
  function receive(message, buffers) {
    if (message.view !== view) return;
    if (message.kind === "notice") {
      if (message.number === undefined || message.number === asked) showNotice(message.text, message.good);
      if (message.number === asked) root.dataset.shown = shown = asked;
      goOn(message.number);
      return;
    }
    if (message.kind === "go") return goTo(message.position);
    if (message.kind === "plans") {
      showPlans(message.plans);
      if (message.text) showNotice(message.text, message.good);
      return;
    }
    if (message.number < shown || message.number > asked) return;
    goOn(message.number);
    const bytes = buffers[0];
    const curves = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    night = { ...message, curves, hover: night ? night.hover : null };
    cancelAnimationFrame(frame);
    show(); // at once: answers come one by one, so there is never more than one a frame to draw
  }
  function redraw() {
    if (!frame) frame = requestAnimationFrame(show);
  }
  function show() {
    frame = 0;
    if (!night) return;
    shown = night.number;
    verdict.textContent = night.verdict;
    verdict.className = `verdict ${night.good ? "good" : "bad"}`;
    status.textContent = night.status;
    night.table.forEach((row, column) => {
      const [figure, ...unit] = row.now.split(" ");
      cells.now[column].replaceChildren(figure, make("span", { className: "unit", textContent: unit.join(" ") }));
      cells.plan[column].textContent = row.plan;
      cells.change[column].replaceChildren(row.change);
      if (row.band) cells.change[column].append(make("span", { className: "band", textContent: row.band }));
      cells.change[column].className = row.better === null ? "" : row.better ? "better" : "worse";
    });
    drawNight(canvas, page, night, scene);
    root.dataset.nights = night.nights;
    root.dataset.shown = shown;
  }

  root.addEventListener("keydown", (event) => {
    const typing = event.target.type === "text";
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !typing) goBack();
    else if (event.key === "Escape" && !typing) goTo(page.plan);
    else if (!typing && event.key !== "Tab") {
      event.stopPropagation(); // an arrow on a slider is no command of the notebook
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!night) return;
    const [first, last] = scene.zoomed ? page.rush : [0, page.clock.length - 1];
    night.hover = first + Math.floor(((event.offsetX - 52) / (canvas.clientWidth - 60)) * (last - first));
    redraw();
  });
  canvas.addEventListener("pointerleave", () => night && ((night.hover = null), redraw()));
  const resized = new ResizeObserver(redraw);
  resized.observe(picture);
  const left = () => model.send({ kind: "leave", view });
  window.addEventListener("pagehide", left);
  model.on("msg:custom", receive);
  showPosition();
  ask();
  model.send({ kind: "plans", view });

  return () => {
    clearTimeout(waiting);
    model.off("msg:custom", receive);
    window.removeEventListener("pagehide", left);
    resized.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(silence);
    left();
  };
}

export default { render };
