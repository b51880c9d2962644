"use strict";

const ONE_SECOND = 1000, GAP = 250, CROSS = 500;
const LATE = 100;  // A picture that stayed this much longer was not seen as planned: the pair is shown again.
const PAUSE_EVERY = 50;
const KEYS = {
  "2afc": { ArrowLeft: "left", ArrowRight: "right" },
  "jnd": { ArrowLeft: "same", ArrowRight: "different" },
};

const byId = (id) => document.getElementById(id);
const views = document.querySelectorAll("main");

let subject = null;  // Number, once joined.
let trial = null;  // What the server said comes next.
let running = false;
let waiting = null;  // Takes the choice while one is asked for.

function show(id) {
  for (const view of views) view.hidden = view.id !== id;
}

function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

async function ask(path, fields) {
  const options = fields && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(fields),
  };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

// Asks until the server answers: it may be restarted in the middle of a study, and loses nothing.
async function persist(path, fields) {
  for (;;) {
    try {
      const answer = await ask(path, fields);
      trouble("");
      return answer;
    } catch (error) {
      if (error.status === 409) return ask(`next?subject=${subject}`);  // Another window answered: its answer stands.
      if (error.status && error.status < 500) throw error;
      trouble("The study's program doesn't answer. Trying again …");
      await pause(1000);
    }
  }
}

// The next frame that is shown at the time or after; half a frame early is nearer than half a frame late.
async function frameAt(time) {
  let now = await frame();
  while (now < time - 8) now = await frame();
  return now;
}

async function load(image, place) {
  image.src = `picture?subject=${subject}&position=${trial.position}&place=${place}`;
  await image.decode();
}

// Small pictures are enlarged by whole numbers, each pixel a square; large ones shrink to fit.
function fit(images, columns) {
  const width = Math.max(...images.map((image) => image.naturalWidth));
  const height = Math.max(...images.map((image) => image.naturalHeight));
  const room = Math.min((innerWidth - 100) / columns / width, (innerHeight - 220) / height);
  const target = columns === 1 ? 512 : 320;
  const most = Math.max(1, Math.round(target / Math.max(width, height)));
  const scale = room >= 1 ? Math.min(Math.floor(room), most) : Math.max(room, 0.05);
  for (const image of images) {
    image.style.width = `${image.naturalWidth * scale}px`;
    image.classList.toggle("enlarged", scale > 1);
  }
}

function choose(choice) {
  const take = waiting;
  waiting = null;
  if (take) take(choice);
}

const choiceMade = () => new Promise((resolve) => { waiting = resolve; });

async function triplet() {
  const images = ["left", "middle", "right"].map(byId);
  await Promise.all(images.map((image) => load(image, image.id)));
  const choosing = choiceMade();
  show("triplet");
  fit(images, 3);
  const shown = await frame();
  const choice = await choosing;
  show(null);  // So that the next triplet is seen to come, even where it looks alike.
  return { choice, reaction_ms: performance.now() - shown };
}

async function pair() {
  const [first, second] = [byId("first"), byId("second")];
  const seen = (element, on) => element.classList.toggle("seen", on);
  for (const element of [byId("cross"), first, second, byId("question")]) seen(element, false);
  await Promise.all([load(first, "first"), load(second, "second")]);
  show("pair");
  fit([first, second], 1);
  for (;;) {
    while (document.hidden) await pause(200);
    const times = [await frame()];
    seen(byId("cross"), true);
    times[0] = await frameAt(times[0] + CROSS);
    seen(byId("cross"), false);
    seen(first, true);
    times.push(await frameAt(times[0] + ONE_SECOND));
    seen(first, false);
    times.push(await frameAt(times[1] + GAP));
    seen(second, true);
    times.push(await frameAt(times[2] + ONE_SECOND));
    seen(second, false);
    const shown = [times[1] - times[0], times[2] - times[1], times[3] - times[2]];
    if (shown[0] > ONE_SECOND + LATE || shown[1] > GAP + LATE || shown[2] > ONE_SECOND + LATE) continue;
    seen(byId("question"), true);
    const asked = performance.now();
    const choice = await choiceMade();
    seen(byId("question"), false);
    return { choice, reaction_ms: performance.now() - asked, shown_ms: shown };
  }
}

async function go() {
  if (running) return;  // Both clicks of a double click come here.
  running = true;
  try {
    for (let shown = 0; ; shown++) {
      progress();
      if (trial.position === null) return show("end");
      if (shown === PAUSE_EVERY) return show("break");
      const answer = await (trial.test === "2afc" ? triplet() : pair());
      trial = await persist("answers", { subject, position: trial.position, ...answer });
    }
  } catch (error) {
    trouble(`Please call the experimenter: ${error.message}. Reloading the page goes on where you were.`);
  } finally {
    running = false;
  }
}

function progress() {
  byId("progress").hidden = false;
  byId("progress").max = trial.total;
  byId("progress").value = trial.done;
  byId("count").textContent = `${trial.done} of ${trial.total}`;
}

async function join(name) {
  try {
    const answer = await ask("subjects", { name });
    subject = answer.subject;
    trial = answer;
    sessionStorage.setItem("code", answer.name);
    trouble("");
    progress();
    show(trial.position === null ? "end" : `how-${trial.test}`);
    document.querySelector("main:not([hidden]) button")?.focus();
  } catch (error) {
    sessionStorage.removeItem("code");
    trouble(error.status ? error.message : "The study's program doesn't answer. Is it running?");
  }
}

byId("join").addEventListener("submit", (event) => {
  event.preventDefault();
  join(byId("code").value);
});
byId("another").addEventListener("click", () => {
  sessionStorage.removeItem("code");
  location.reload();
});
for (const button of document.querySelectorAll(".begin")) button.addEventListener("click", go);
for (const button of document.querySelectorAll(".choice")) {
  button.addEventListener("click", () => choose(button.dataset.choice));
}
document.addEventListener("keydown", (event) => {
  const choice = trial && KEYS[trial.test][event.key];
  if (!choice || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  choose(choice);
});

// After a reload, straight back: the code is kept for as long as the window is open.
const code = sessionStorage.getItem("code");
if (code) join(code);
