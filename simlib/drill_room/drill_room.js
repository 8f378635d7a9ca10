// The pages of a drill: they draw what the server sends; a page holds no state but the chosen role and options.
"use strict";

const key = new URLSearchParams(location.search).get("key") || "";
const page = document.getElementById("page");
const toast = document.getElementById("toast");
const SVG = "http://www.w3.org/2000/svg";
let shown = "";
let state = null;
let role = null;
const chosen = { card: "", phrase: "", sizes: {} };

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick" || name === "onchange") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}

function draw(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function notify(text, bad) {
  toast.textContent = text;
  toast.className = bad ? "bad shown" : "shown";
  clearTimeout(notify.timer);
  notify.timer = setTimeout(() => { toast.className = ""; }, bad ? 6000 : 2500);
}

async function take(step) {
  try {
    const answer = await fetch("/step", {
      method: "POST",
      headers: { "X-Key": key, "Content-Type": "application/json" },
      body: JSON.stringify(step),
    });
    notify((await answer.json()).said, !answer.ok);
  } catch {
    notify(state ? state.words.lost_contact : "…", true);
  }
  await refresh();
}

async function refresh() {
  try {
    const answer = await fetch("/state", { headers: { "X-Key": key }, signal: AbortSignal.timeout(10000) });
    const content = await answer.json();
    if (!answer.ok) {
      page.replaceChildren(make("p", { class: "refused" }, content.said));
      return;
    }
    const text = JSON.stringify(content);
    state = content;
    if (text !== shown) {
      shown = text;
      show();
    }
  } catch {
    if (state) notify(state.words.lost_contact, true);
  }
}

// --- parts ---

function head() {
  const status = state.over ? state.words.over : state.paused ? state.words.paused : state.left_words;
  return make("header", {},
    make("div", { class: "name" }, make("strong", {}, state.name), make("span", {}, state.store)),
    make("div", { class: "round" }, make("span", {}, state.round_words),
      make("progress", { max: state.rounds, value: state.round })),
    make("div", { class: state.paused ? "status held" : "status", id: "status" }, status),
    make("div", { class: "clock", id: "clock" }, state.clock));
}

function notices() {
  return state.notices.map((text) => make("p", { class: "notice" }, text));
}

function tiles(list) {
  return make("div", { class: "tiles" }, list.map((tile) => make("div", { class: "tile " + tile.tone, "data-key": tile.key },
    make("span", { class: "label" }, tile.name),
    make("span", { class: "value" }, tile.value),
    make("span", { class: "note" }, tile.note))));
}

function panel(title, ...children) {
  return make("section", { class: "panel" }, make("h2", {}, title), ...children);
}

function chart(course, series) {
  const width = 460, height = 130, left = 40, bottom = 20;
  const values = series.values.map((value) => value === null ? 0 : value);
  const top = Math.max(...values, 10) * 1.1;
  const x = (index) => left + (width - left - 8) * index / Math.max(state.rounds, 1);
  const y = (value) => (height - bottom) * (1 - value / top) + 4;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height + 6}`, role: "img", "aria-label": series.name });
  for (const share of [0, 0.5, 1]) {
    const value = top / 1.1 * share;
    svg.append(draw("line", { x1: left, x2: width - 8, y1: y(value), y2: y(value), class: "grid" }));
    svg.append(draw("text", { x: left - 6, y: y(value) + 4, class: "tick", "text-anchor": "end" }, Math.round(value)));
  }
  let path = "", pen = "M";
  series.values.forEach((value, index) => {
    if (value === null) { pen = "M"; return; }
    path += `${pen}${x(index).toFixed(1)},${y(value).toFixed(1)}`;
    pen = "L";
  });
  svg.append(draw("path", { d: path, class: "line" }));
  const last = series.values.length - 1;
  if (series.values[last] !== null) svg.append(draw("circle", { cx: x(last), cy: y(series.values[last]), r: 4, class: "dot" }));
  course.clock.forEach((clock, index) => {
    const anchor = index === state.rounds ? "end" : "middle";
    if (index % 6 === 0) svg.append(draw("text", { x: x(index), y: height + 4, class: "tick", "text-anchor": anchor }, clock));
  });
  return make("figure", {}, make("figcaption", {}, series.name), svg);
}

function people() {
  const states = ["free", "replying", "full", "resting", "dark"];
  return panel(state.words.people,
    make("p", { class: "legend" }, states.map((name) => make("span", {}, make("i", { class: "seat " + name }), state.words["state_" + name]))),
    make("div", { class: "rooms" }, state.people.map((room) => make("div", { class: "room" },
      make("h3", {}, room.name),
      make("div", { class: "seats" }, room.people.map((person) => make("i", {
        class: "seat " + person.state,
        title: `${person.name} · ${state.words["state_" + person.state]}`,
      }, person.open === null ? (person.state === "dark" ? "?" : "") : String(person.open))))))));
}

function select(name, options, first) {
  const box = make("select", { "aria-label": first, id: name, onchange: (event) => { chosen[name] = event.target.value; } },
    make("option", { value: "" }, first),
    options.map((option) => make("option", { value: option.key }, option.name)));
  box.value = chosen[name] || "";
  return box;
}

function closed() {
  return state.over || state.paused;
}

function moves() {
  const mine = state.roles.find((each) => each.key === role);  // none until one is chosen: the log records who decided
  return panel(state.words.moves,
    make("div", { class: "roles", role: "tablist" }, state.roles.map((each) => make("button", {
      type: "button", role: "tab", class: each.key === role ? "on" : "", "aria-selected": String(each.key === role), "data-role": each.key,
      onclick: () => { role = each.key; show(); },
    }, each.name))),
    mine ? null : make("p", { class: "faint", id: "role-first" }, state.words.role_first),
    make("div", { class: "moves" }, (mine ? mine.moves : []).map((move) => {
      const size = move.sizes.length ? make("select", {
        "aria-label": move.name, onchange: (event) => { chosen.sizes[move.key] = event.target.value; },
      }, move.sizes.map((each) => make("option", { value: each.value }, each.name))) : null;
      if (size) {
        const kept = chosen.sizes[move.key];
        size.value = move.sizes.some((each) => String(each.value) === kept) ? kept : String(move.sizes[0].value);
      }
      return make("div", { class: "move", "data-kind": move.key },
        make("span", { class: "what" }, make("strong", {}, move.name), make("small", {}, move.note)),
        size || make("span", {}),
        make("button", {
          type: "button", class: "go", disabled: !move.ready,
          onclick: () => take({ step: "move", role, key: move.key, size: size ? Number(size.value) : null }),
        }, state.words.go));
    })));
}

function cards() {
  const card = state.cards.find((each) => each.key === chosen.card);
  const box = select("card", state.cards, state.words.choose_card);
  box.addEventListener("change", show);
  const phrase = select("phrase", state.phrases, state.words.choose_phrase);
  phrase.addEventListener("change", show);
  const words = state.phrases.find((each) => each.key === chosen.phrase);
  const locked = closed() || role === null;
  return panel(state.words.cards,
    make("div", { class: "line" }, box, make("button", {
      type: "button", class: "go", id: "declare", disabled: locked,
      onclick: () => chosen.card && take({ step: "card", role, key: chosen.card }),
    }, state.words.declare)),
    card ? make("div", { class: "card" }, make("p", {}, card.trigger), make("ul", {}, card.steps.map((step) => make("li", {}, step)))) : null,
    make("h3", {}, state.words.phrases),
    make("div", { class: "line" }, phrase, make("button", {
      type: "button", class: "go", id: "send", disabled: locked,
      onclick: () => chosen.phrase && take({ step: "phrase", role, key: chosen.phrase }),
    }, state.words.use_phrase)),
    words ? make("p", { class: "card", id: "phrase-text" }, words.text) : null);
}

function paper(address, name) {
  return make("a", { class: "paper", href: address, target: "_blank" }, name);
}

function timeline(rows, empty) {
  return rows.length ? make("ol", { class: "done" }, rows.map((row) => make("li", {},
    make("time", {}, row.clock), row.team ? make("b", {}, String(row.team)) : null, make("span", {}, row.text)))) : make("p", { class: "faint" }, empty);
}

// --- pages ---

function team() {
  const queues = state.queues.length ? make("table", {}, state.queues.map((queue) => make("tr", {},
    make("th", {}, queue.name), make("td", { class: "n" }, String(queue.waiting)), make("td", { class: "faint" }, queue.oldest))))
    : make("p", { class: "blackout" }, state.words.dark_queues);
  return make("div", { class: "team" }, tiles(state.tiles),
    make("div", { class: "columns" },
      make("div", {},
        panel(state.words.signs, timeline(state.signs, state.words.no_signs)),
        panel(state.words.queues, queues),
        panel(state.words.course, state.course.series.map((series) => chart(state.course, series)))),
      make("div", {}, people(), panel(state.words.done, timeline(state.done, state.words.nothing_done))),
      make("div", {}, state.over ? paper(`/debrief?key=${key}`, state.words.debrief) : null, moves(), cards())));
}

function ranked(row) {
  return 1 + state.teams.filter((other) => other.total > row.total).length;
}

function standing(large) {
  const figures = (row) => [
    ...row.parts.map((part) => ({ ...part, kind: "part" })),
    ...row.tiles.slice(0, 3).map((tile) => ({ ...tile, kind: "now" })),
  ];
  page.style.setProperty("--teams", state.teams.length);
  return make("div", { class: large ? "standing large" : "standing", role: "table" },
    make("div", { class: "heads", role: "row" },
      make("span", { role: "columnheader" }, state.words.rank), make("span", { role: "columnheader" }, state.words.team_head),
      make("span", { role: "columnheader" }, state.words.total),
      figures(state.teams[0]).map((figure) => make("span", { class: figure.kind, role: "columnheader" }, figure.name))),
    state.teams.map((row) => make("article", { "data-team": row.team, role: "row", class: ranked(row) === 1 ? "leads" : "" },
      make("span", { class: "rank", role: "cell" }, String(ranked(row))),
      make("span", { class: "who", role: "cell" }, row.name),
      make("span", { class: "total", role: "cell" }, row.total.toFixed(1)),
      figures(row).map((figure) => make("span", { class: `${figure.kind} ${figure.tone}`, role: "cell" }, String(figure.value))))));
}

function board() {
  const few = state.teams.length < 3;  // there is room for the night so far
  return make("div", { class: few ? "board few" : "board" }, standing(true), make("p", { class: "faint" }, state.words.first),
    few ? make("div", { class: "courses" }, state.teams.flatMap((row) => row.course.series.slice(0, state.teams.length > 1 ? 1 : 2).map((series) =>
      panel(state.teams.length > 1 ? row.name : state.words.course, chart(row.course, series))))) : null);
}

function facilitator() {
  const backs = Array.from({ length: state.round + 1 }, (_, round) => ({ key: String(round), name: String(round) }));
  const back = select("back", backs, state.words.rewind);
  const inject = select("inject", state.can_inject, state.words.inject);
  const pace = make("input", { type: "number", min: 5, max: 900, step: 5, id: "pace", "aria-label": state.words.seconds_a_round });
  pace.value = chosen.pace || state.pace_s || state.usual_pace_s;
  pace.addEventListener("input", () => { chosen.pace = pace.value; });
  return make("div", { class: "facilitator" },
    make("div", { class: "controls" },
      make("button", { type: "button", class: "go main", id: "next", disabled: closed(), onclick: () => take({ step: "advance", to: state.round + 1 }) }, state.words.next_round),
      make("button", { type: "button", id: "hold", disabled: state.over, onclick: () => take({ step: "pause", paused: !state.paused }) }, state.paused ? state.words.resume : state.words.pause),
      make("label", {}, state.words.seconds_a_round, pace),
      make("button", { type: "button", id: "run", class: state.pace_s ? "on" : "", onclick: () => take({ step: "pace", seconds: state.pace_s ? 0 : Number(pace.value) }) }, state.words.run),
      make("span", { class: "line" }, inject, make("button", { type: "button", id: "let", disabled: state.over, onclick: () => chosen.inject && take({ step: "inject", name: chosen.inject }) }, state.words.go)),
      make("span", { class: "line" }, back, make("button", { type: "button", id: "rewind", onclick: () => chosen.back && take({ step: "rewind", to: Number(chosen.back) }) }, state.words.go))),
    standing(false),
    make("div", { class: "columns" },
      panel(state.words.schedule, make("ol", { class: "done" }, state.schedule.map((row) => make("li", { class: row.begun ? "begun" : "" }, make("time", {}, `${row.clock}–${row.until}`), make("span", {}, row.name))))),
      panel(state.words.links, make("ul", { class: "links" }, state.links.map((link) => make("li", {}, make("b", {}, link.name), make("a", { href: link.address, target: "_blank" }, link.address)))),
        make("p", {}, paper(`/paper?key=${key}`, state.words.paper), state.over ? [...state.teams]
          .sort((one, other) => one.team - other.team)
          .map((row) => paper(`/debrief?key=${key}&team=${row.team}`, `${row.name} · ${state.words.debrief}`)) : null)),
      panel(state.words.log, timeline(state.log, state.words.nothing_done))));
}

function show() {
  const focus = document.activeElement && document.activeElement.id;
  const parts = { team, board, facilitator };
  document.title = `${state.name} · ${state.words.title}`;
  document.body.className = "at-" + state.kind;
  page.dataset.round = state.round;
  page.replaceChildren(head(), ...notices(), parts[state.kind]());
  if (focus) { const node = document.getElementById(focus); if (node) node.focus(); }
}

async function follow() {
  await refresh();
  setTimeout(follow, 500);  // counted from the answer: a slow server is not asked again before it has answered
}

follow();
