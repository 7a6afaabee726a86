// The live run: renders the whole state that the service sends, and gives the commands of the person beside it.

const data = JSON.parse(document.getElementById("live-data").textContent);
const texts = data.texts;
const say = (text) => texts[text] ?? text;
const find = (name) => document.querySelector(`[data-${name}]`);

const MINUS = "\u2212";
const STATE_CLASSES = {
  Idle: "",
  Complete: "good",
  Held: "warn",
  Suspended: "warn",
  Stopped: "warn",
  Aborting: "bad",
  Aborted: "bad",
};
// What a person beside the rig looks for first, in this order; the rest stays in the record.
const TAGS = [
  ["balance", "Balance", 1],
  ["meter_flow", "Flow", 2],
  ["meter_volume", "Meter", 3],
  ["water_temperature", "Water", 2],
  ["vessel_temperature", "Vessel", 2],
  ["air_temperature", "Air", 2],
  ["coarse_valve", "Coarse valve", 0],
  ["fine_valve", "Fine valve", 0],
  ["drain_valve", "Drain valve", 0],
  ["pump_speed", "Pump", 0],
  ["door_closed", "Door", { true: "closed", false: "open" }],
  ["emergency_stop", "Emergency stop", { true: "pressed", false: "released" }],
];
const UNITS = { degC: "°C", 1: "" };

const number = (value, digits) =>
  value === null || value === undefined ? "—" : value.toFixed(digits).replace("-", MINUS);
const signed = (value, digits) => {
  const text = number(value, digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
};
const duration = (seconds) => {
  if (seconds === null) return "";
  const whole = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
};
// Setting a text that is there already would make a screen reader say it again.
const put = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

// The state comes by the stream alone: the answer to what a person sends may arrive after a newer state,
// and would take it back for a moment, with what was ticked meanwhile.
let live = data.live;
let shownPicture = 0;

function showState() {
  const box = find("state");
  box.className = `card state ${STATE_CLASSES[live.state] ?? "running"}`;
  put(find("word"), say(live.state));
  put(find("about"), [live.item, live.procedure, live.operator].filter(Boolean).join(" · "));
  const factor = live.time_factor && live.time_factor !== 1 ? ` ×${live.time_factor}` : "";
  put(find("time"), live.t_s === null ? "" : `${duration(live.t_s)}${factor}`);
  put(find("why"), live.reason);
  const link = find("result-link");
  const over = live.last_run !== null && ["Complete", "Stopped", "Aborted"].includes(live.state);
  link.hidden = !over;
  if (over) link.querySelector("a").href = `/runs/${live.last_run}`;
}

// The next picture is fetched aside, so that the one on the page stays until it is there.
function fetchAside(picture, address, then = () => {}) {
  const next = new Image();
  next.onload = () => {
    picture.src = next.src;
    picture.hidden = false;
    then();
  };
  next.src = address;
}

function showPicture() {
  const picture = find("picture");
  if (live.picture === shownPicture || live.picture === 0) return;
  shownPicture = live.picture;
  const address = `/api/v1/live/picture.jpg?run=${live.last_run}&n=${live.picture}`;
  fetchAside(picture, address, () => {
    find("no-picture").hidden = true;
  });
  fetchAside(find("close-up"), `${address}&close=true`);
  const level = live.level;
  put(
    find("caption"),
    level === null
      ? ""
      : level.value === null
        ? `${say("refused")}: ${level.reason}. ${level.detail}`
        : `${signed(level.value, 2)} ${level.unit}, u = ${number(level.standard_uncertainty, 2)} ${level.unit}`,
  );
}

function showLevel() {
  const level = live.level;
  const output = find("level");
  const text = level === null ? "—" : level.value === null ? say("refused") : signed(level.value, 1);
  if (output.dataset.shown !== text) {
    output.dataset.shown = text;
    output.replaceChildren(text);
    if (level !== null && level.value !== null) {
      const unit = document.createElement("span");
      unit.className = "unit";
      unit.textContent = ` ${level.unit}`;
      output.append(unit);
    }
  }
  output.classList.toggle("old", level?.old ?? false);
  put(find("level-age"), level?.old ? say("the last reading; the water has moved since") : "");
  const unit = level?.unit ?? "";
  put(find("level-u"), level === null || level.value === null ? "—" : `${number(level.standard_uncertainty, 2)} ${unit}`);
  put(find("target"), live.target === null ? "—" : `${signed(live.target, 0)} ${unit}`);
  const toGo = live.target === null || level === null || level.old || level.value === null ? null : live.target - level.value;
  put(find("to-go"), toGo === null ? "—" : `${signed(toGo, 1)} ${unit}`);
  showGauge(level === null || level.old ? null : level.value);
}

const TOP = 10;
const BOTTOM = 250;

function showGauge(value) {
  const first = live.scale_first ?? -1;
  const last = live.scale_last ?? 1;
  const place = (reading) => {
    const share = (Math.min(Math.max(reading, first), last) - first) / (last - first);
    return BOTTOM - share * (BOTTOM - TOP);
  };
  const surface = find("surface");
  const water = find("water");
  const y = value === null ? BOTTOM : place(value);
  surface.setAttribute("y1", y);
  surface.setAttribute("y2", y);
  water.setAttribute("y", y);
  water.setAttribute("height", BOTTOM - y);
  const target = find("target-mark");
  if (live.target === null) target.setAttribute("hidden", "");
  else {
    target.removeAttribute("hidden");
    target.setAttribute("transform", `translate(0 ${place(live.target)})`);
  }
  const ticks = find("ticks");
  const key = `${first} ${last}`;
  if (ticks.dataset.shown === key) return;
  ticks.dataset.shown = key;
  ticks.replaceChildren();
  if (live.scale_first === null || live.scale_last === null) return;
  const make = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, given] of Object.entries(attributes)) element.setAttribute(attribute, given);
    return element;
  };
  for (let index = 0; index <= 4; index += 1) {
    const reading = first + ((last - first) * index) / 4;
    const at = place(reading);
    const label = make("text", { x: 46, y: at + 4, "text-anchor": "end" });
    label.textContent = signed(reading, 0);
    ticks.append(make("line", { class: "tick", x1: 50, x2: 58, y1: at, y2: at }), label);
  }
}

function showStep() {
  const target = live.target === null ? "" : ` → ${signed(live.target, 0)} ${live.level?.unit ?? ""}`;
  put(find("step"), live.step === "" ? "—" : `${say(live.step)}${target}`);
  put(find("of"), live.repeat ? `${say("Repeat")} ${live.repeat} / ${live.repeats}` : "");
  put(find("step-detail"), live.detail);
  find("progress").value = live.progress ?? 0;
  const next = find("next");
  const key = live.next.join("|");
  if (next.dataset.shown !== key) {
    next.dataset.shown = key;
    next.replaceChildren(
      ...live.next.map((step) => {
        const item = document.createElement("li");
        item.textContent = `${say("Next")}: ${step}`;
        return item;
      }),
    );
  }
}

function showTags() {
  const list = find("tags");
  const known = new Map(live.tags.map((tag) => [tag.name, tag]));
  for (const [name, title, format] of TAGS) {
    const tag = known.get(name);
    let value = list.querySelector(`[data-tag="${name}"]`);
    if (tag === undefined) continue;
    if (value === null) {
      const term = document.createElement("dt");
      term.textContent = say(title);
      term.title = tag.describe;
      value = document.createElement("dd");
      value.dataset.tag = name;
      list.append(term, value);
    }
    const unit = UNITS[tag.unit] ?? tag.unit;
    put(
      value,
      tag.value === null
        ? say("unknown")
        : typeof format === "object"
          ? say(format[tag.value])
          : `${number(tag.value, format)} ${unit}`.trim(),
    );
  }
  const alarms = find("alarms");
  const key = live.alarms.join("|");
  if (alarms.dataset.shown !== key) {
    alarms.dataset.shown = key;
    alarms.replaceChildren(
      ...live.alarms.map((alarm) => {
        const item = document.createElement("li");
        item.textContent = alarm;
        return item;
      }),
    );
  }
}

// A prompt's fields are made once for its number: what a person has ticked and typed must stay.
let shownPrompt = null;

function promptLabel(kind, text) {
  const label = document.createElement("label");
  label.className = kind;
  const input = document.createElement("input");
  const words = document.createElement("span");
  words.textContent = text;
  label.append(...(kind === "check" ? [input, words] : [words, input]));
  return [label, input];
}

function showPrompt() {
  const card = find("prompt-card");
  const prompt = live.prompt;
  card.hidden = prompt === null;
  const key = prompt === null ? null : `${live.run} ${prompt.number}`;
  if (key === shownPrompt) return;
  shownPrompt = key;
  if (prompt === null) return;
  const language = document.documentElement.lang;
  const word = (words) => words[language] ?? words.en;
  put(find("prompt-text"), word(prompt.text));
  put(find("prompt-problem"), "");
  const checks = prompt.checks.map((check, place) => {
    const [label, input] = promptLabel("check", word(check));
    Object.assign(input, { type: "checkbox", name: "check", value: String(place), required: true });
    return label;
  });
  const questions = prompt.questions.map((question) => {
    const [label, input] = promptLabel("field", `${word(question.text)} / ${UNITS[question.unit] ?? question.unit}`);
    Object.assign(input, {
      type: "number",
      name: `value-${question.name}`,
      min: question.low,
      max: question.high,
      step: "any",
      required: true,
    });
    return label;
  });
  find("prompt-fields").replaceChildren(...checks, ...questions);
  const person = find("prompt-form").elements.person;
  if (person.value === "") person.value = live.operator;
}

find("prompt-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const entered = new FormData(event.currentTarget);
  const values = live.prompt.questions.map(({ name }) => [name, Number(entered.get(`value-${name}`))]);
  try {
    const answer = await fetch("/api/v1/live/answers", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({
        number: live.prompt.number,
        person: entered.get("person"),
        confirmed: entered.getAll("check").map(Number),
        values: Object.fromEntries(values),
        run: live.run,
      }),
    });
    if (!answer.ok) put(find("prompt-problem"), (await answer.json()).detail);
  } catch {
    put(find("prompt-problem"), say("the service does not answer"));
  }
});

// A gauge's element is made once and then only its texts change, so that nothing on the page jumps.
function gaugeElement(list, name) {
  const present = [...list.children].find((item) => item.dataset.name === name);
  if (present !== undefined) return present;
  const item = document.createElement("li");
  item.dataset.name = name;
  const picture = document.createElement("img");
  picture.alt = `${name}: ${say("the gauge with the reading drawn in")}`;
  picture.hidden = true;
  const parts = ["name", "value", "wire"].map((part) => {
    const text = document.createElement("p");
    text.className = part;
    return text;
  });
  item.append(picture, ...parts);
  list.append(item);
  return item;
}

function showGauges() {
  const list = find("gauges");
  find("gauges-card").hidden = live.gauges.length === 0;
  for (const item of [...list.children]) {
    if (!live.gauges.some((gauge) => gauge.name === item.dataset.name)) item.remove();
  }
  for (const gauge of live.gauges) {
    const item = gaugeElement(list, gauge.name);
    const unit = (of) => UNITS[of] ?? of;
    const digits = gauge.standard_uncertainty ? Math.min(4, Math.max(0, 2 - Math.ceil(Math.log10(gauge.standard_uncertainty)))) : 2;
    put(item.querySelector(".name"), `${say(gauge.shows)} · ${say(gauge.at)} · ${duration(gauge.t_s)}`);
    put(
      item.querySelector(".value"),
      gauge.value === null
        ? `${say("refused")}: ${gauge.reason}. ${gauge.detail}`
        : `${number(gauge.value, digits)} ${unit(gauge.unit)}, u = ${number(gauge.standard_uncertainty, digits)} ${unit(gauge.unit)}`,
    );
    item.querySelector(".value").classList.toggle("refused", gauge.value === null);
    put(
      item.querySelector(".wire"),
      gauge.wire === null ? say("by wire: unknown") : `${say("by wire")}: ${number(gauge.wire, 2)} ${unit(gauge.wire_unit)}`,
    );
    const key = `${live.last_run} ${gauge.picture}`;
    if (gauge.picture > 0 && item.dataset.shown !== key) {
      item.dataset.shown = key;
      fetchAside(
        item.querySelector("img"),
        `/api/v1/live/gauges/${encodeURIComponent(gauge.name)}/picture.jpg?run=${live.last_run}&n=${gauge.picture}`,
      );
    }
  }
}

function showControls() {
  for (const button of document.querySelectorAll("[data-command]")) {
    button.disabled = !live.commands.includes(button.dataset.command);
  }
  find("open-start").disabled = live.run !== null;
  const clear = live.commands.includes("clear");
  find("clear").hidden = !clear;
}

function show() {
  showState();
  showPicture();
  showLevel();
  showStep();
  showPrompt();
  showGauges();
  showTags();
  showControls();
}

async function command(word) {
  const answer = await fetch("/api/v1/live/commands", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ command: word, run: live.run }),
  });
  if (!answer.ok) put(find("command-problem"), (await answer.json()).detail);
}

for (const button of document.querySelectorAll("[data-command], [data-clear]")) {
  button.addEventListener("click", () => {
    put(find("command-problem"), "");
    command(button.dataset.command ?? "clear").catch(() => put(find("command-problem"), say("the service does not answer")));
  });
}

const dialog = find("start-dialog");
find("open-start").addEventListener("click", () => dialog.showModal());
find("close").addEventListener("click", () => dialog.close());

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !dialog.open && live.commands.includes("abort")) {
    event.preventDefault();
    command("abort");
  }
});

const stream = new EventSource(`/api/v1/events?after=${encodeURIComponent(data.last_event)}`);
stream.addEventListener("live", (event) => {
  live = JSON.parse(event.data);
  show();
});
stream.addEventListener("reset", async () => {
  const answer = await fetch("/api/v1/live", { headers: { Accept: "application/json" } });
  live = await answer.json();
  show();
});
stream.addEventListener("open", () => {
  find("offline").hidden = true;
});
stream.addEventListener("error", () => {
  find("offline").hidden = false;
});
window.addEventListener("pagehide", () => stream.close());

show();
