// The page: what the stream tells is drawn, what a person asks is done.

import { get, post, setMe, whenLoggedOut } from "./ask.js";
import { showCalendar } from "./calendar.js";
import { byId, h, render } from "./dom.js";
import { drawDead, showFailures } from "./failures.js";
import { showLadder } from "./ladder.js";
import { applyLook, clock, onLook, switchLanguage, switchTheme, t } from "./look.js";
import { showClients, showDeeds, showEndpoints, showFleets } from "./panels.js";
import { closeStory, redrawStory, showStory } from "./story.js";
import { Stream } from "./stream.js";

const sections = {};
let problems = {};
let live = { name: "wait", since: null };
let me = null;

const DRAW = {
  ladder: () => showLadder(sections.ladder, sections.counts, sections.pauses),
  calendar: () => showCalendar(sections.calendar, sections.counts),
  failures: () => showFailures(sections.failures, sections.counts),
  fleets: () => showFleets(sections.fleets),
  endpoints: () => showEndpoints(sections.endpoints, sections.pauses),
  clients: () => showClients(sections.clients),
  deeds: () => showDeeds(sections.deeds),
};
const NEEDS = { counts: ["ladder", "calendar", "failures"], pauses: ["ladder", "endpoints"] };

function told(document_) {
  Object.assign(sections, document_.sections);
  if (JSON.stringify(problems) !== JSON.stringify(document_.problems)) {
    problems = document_.problems;
    drawNotice();
  }
  const changed = new Set(Object.keys(document_.sections).flatMap((name) => [name, ...(NEEDS[name] ?? [])]));
  for (const name of changed) DRAW[name]?.();
  document.body.dataset.told = "yes";
}

function drawState(name, since) {
  if (name === live.name && since === live.since) return;
  live = { name, since };
  byId("live").dataset.live = name;
  byId("live-text").textContent = t(`live.${name}`);
  document.body.classList.toggle("stale", name === "stale" || name === "over");
  drawNotice();
}

function drawNotice() {
  const lines = [];
  if (live.name === "stale") lines.push(live.since ? t("stale.since", { at: clock(live.since) }) : t("stale.never"));
  const text = new Map();
  for (const [name, why] of Object.entries(problems)) text.set(why, [...(text.get(why) ?? []), t({ fleets: "fleet", pauses: "at.rest", counts: "waiting" }[name] ?? name)]);
  for (const [why, names] of text) lines.push(t("problem", { what: names.join(", "), why }));
  render(byId("notice"), lines.map((line) => h("p", { class: "alarm" }, line)),
    live.name === "over" ? h("p", { class: "alarm" }, t("stale.over"), " ", h("a", { href: "/login" }, t("login.again"))) : null);
}

function drawMe() {
  if (!me) return;
  byId("who").textContent = `${me.name} · ${t(`role.${me.role}`)}`;
  byId("version").textContent = me.version;
}

function redraw() {
  drawMe();
  byId("live-text").textContent = t(`live.${live.name}`);
  drawNotice();
  if (document.body.dataset.told) {
    for (const draw of Object.values(DRAW)) draw();
    drawDead();
  }
  redrawStory();
}

const stream = new Stream({ told, state: drawState });
whenLoggedOut(() => stream.end());

byId("language").addEventListener("click", switchLanguage);
byId("theme").addEventListener("click", switchTheme);
byId("story-close").addEventListener("click", closeStory);
byId("logout").addEventListener("click", async () => {
  try { await post("/ui/logout"); } finally { location.replace("/login"); }
});
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = byId("key").value.trim();
  if (key) showStory(key);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea, dialog");
  if (event.key === "/" && !typing) { event.preventDefault(); byId("key").focus(); }
  if (event.key === "Escape" && !byId("story").hidden && !byId("ask").open) closeStory();
});

async function begin() {
  onLook(redraw);
  applyLook();
  for (const draw of [DRAW.ladder, DRAW.calendar]) draw();
  try {
    me = await get("/ui/me");
  } catch (error) {
    if (error.status === 401) return location.replace(`/login`);
    drawState("stale", null);
    return setTimeout(begin, 3000);
  }
  setMe(me);
  drawMe();
  stream.open();
  const asked = decodeURIComponent(location.hash.slice(1));
  if (asked) showStory(asked, { focus: false });
  return undefined;
}

begin();
