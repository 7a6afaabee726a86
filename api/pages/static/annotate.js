// A person reads the pictures of a set one after the other: everything by keyboard, each answer saved at once.

const data = JSON.parse(document.getElementById("annotate-data").textContent);
const pictures = data.pictures;
const say = (text) => data.texts[text] ?? text;
const find = (name) => document.querySelector(`[data-${name}]`);
const CLOSE = 4; // how much larger the enlarged view is

let at = Math.max(0, pictures.findIndex((picture) => !picture.known));
const halfWidths = new Map(); // what was last said of the same kind of picture, as a proposal

const group = (picture) => `${picture.family} ${picture.kind} ${picture.unit}`;
for (const picture of pictures) {
  if (picture.half_width !== null) halfWidths.set(group(picture), picture.half_width);
}

const stateOf = (picture) => {
  if (picture.unreadable) return say("Said: cannot be read");
  if (picture.value === null) return say("Not read yet");
  const around = picture.half_width === null ? "" : ` ± ${picture.half_width}`;
  return `${say("Said")}: ${picture.value}${around} ${picture.unit}`;
};

const zoom = (on, x = 0.5, y = 0.5) => {
  const image = find("picture");
  image.style.transformOrigin = `${100 * x}% ${100 * y}%`;
  image.style.transform = on ? `scale(${CLOSE})` : "";
  find("view").classList.toggle("close", on);
  find("zoom").setAttribute("aria-pressed", String(on));
};
const isClose = () => find("view").classList.contains("close");

const show = () => {
  const picture = pictures[at];
  const known = pictures.filter((one) => one.known).length;
  find("progress").max = pictures.length;
  find("progress").value = known;
  find("count").textContent = `${known} / ${pictures.length}`;
  if (picture === undefined) return;
  find("picture").src = `/api/pictures/${picture.line}/image`;
  const names = [`${at + 1} / ${pictures.length}`, picture.family, picture.kind, picture.taken_utc];
  find("caption").textContent = names.filter((name) => name !== "").join(" · ");
  for (const unit of document.querySelectorAll("[data-unit]")) unit.textContent = picture.unit;
  find("value").value = picture.value ?? "";
  find("half-width").value = picture.half_width ?? halfWidths.get(group(picture)) ?? "";
  find("state").textContent = stateOf(picture);
  find("problem").textContent = "";
  find("value").focus();
  find("value").select();
};

const go = (place) => {
  at = Math.min(Math.max(place, 0), pictures.length - 1);
  show();
};

const goToOpen = () => {
  const later = pictures.findIndex((picture, place) => place > at && !picture.known);
  const open = later >= 0 ? later : pictures.findIndex((picture) => !picture.known);
  go(open >= 0 ? open : at);
};

// Empty is "not said"; a comma counts as a decimal point.
const numberIn = (name, label) => {
  const text = find(name).value.trim().replace(",", ".").replace("\u2212", "-");
  if (text === "") return null;
  const number = Number(text);
  if (!Number.isFinite(number)) throw new Error(`${label}: ${say("expected a number")}`);
  return number;
};

let saving = false;
const save = async (answer, advance) => {
  if (saving || pictures.length === 0) return;
  saving = true;
  const place = at;
  try {
    const picture = pictures[place];
    const said = await fetch(`/api/pictures/${picture.line}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ image: picture.image, ...answer() }),
    });
    const body = await said.json().catch(() => ({ detail: said.statusText }));
    if (!said.ok) throw new Error(body.detail);
    pictures[place] = body;
    if (body.half_width !== null) halfWidths.set(group(body), body.half_width);
    advance();
  } catch (problem) {
    find("problem").textContent = problem.message || say("the service does not answer");
  } finally {
    saving = false;
  }
};

const saveReading = () =>
  save(
    () => {
      const value = numberIn("value", say("Reading"));
      if (value === null) throw new Error(`${say("Reading")}: ${say("expected a number")}`);
      return { value, half_width: numberIn("half-width", say("Known to ±")) };
    },
    () => go(at + 1),
  );
const saveUnreadable = () => save(() => ({ unreadable: true }), () => go(at + 1));
const forget = () => save(() => ({}), show);

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  saveReading();
});
find("unreadable").addEventListener("click", saveUnreadable);
find("forget").addEventListener("click", forget);
find("previous").addEventListener("click", () => go(at - 1));
find("next").addEventListener("click", () => go(at + 1));
find("open").addEventListener("click", goToOpen);
find("zoom").addEventListener("click", () => zoom(!isClose()));
find("view").addEventListener("click", (event) => {
  const box = find("view").getBoundingClientRect();
  zoom(!isClose(), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
});
find("view").addEventListener("mousemove", (event) => {
  if (!isClose()) return;
  const box = find("view").getBoundingClientRect();
  zoom(true, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
});

const keys = { KeyX: saveUnreadable, KeyN: goToOpen, KeyZ: () => zoom(!isClose()), Delete: forget };
document.addEventListener("keydown", (event) => {
  const plain = { PageUp: () => go(at - 1), PageDown: () => go(at + 1) };
  const act = event.altKey ? keys[event.code] : plain[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

show();
