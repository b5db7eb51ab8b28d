// One order or notification: how it climbed, as a picture and as a table.

import { askReplayThose, get, mayAct } from "./ask.js";
import { byId, h, render, s, table } from "./dom.js";
import { clock, day, hasText, ms, number, outcomeText, reasonText, stateText, t, time } from "./look.js";

const AGAIN_MS = 2000;
const OPEN = new Set(["scheduled", "waiting", "in_flight"]);

let key = null;
let timer = null;
let shown = "";

export async function showStory(asked, { focus = true } = {}) {
  key = asked;
  shown = "";
  byId("story").hidden = false;
  byId("story-h").textContent = t("story", { key });
  byId("story-state").textContent = "";
  render(byId("story-body"), h("p", { class: "soft" }, "…"));
  if (focus) {
    byId("story").scrollIntoView({ block: "start" });
    byId("story-h").focus({ preventScroll: true });
  }
  history.replaceState(null, "", `#${encodeURIComponent(key)}`);
  await look();
}

export function closeStory() {
  key = null;
  clearTimeout(timer);
  byId("story").hidden = true;
  history.replaceState(null, "", location.pathname);
  byId("key").focus();
}

export const redrawStory = () => { if (key) showStory(key, { focus: false }); };

async function look() {
  clearTimeout(timer);
  const asked = key;
  let found = null;
  try {
    found = await get(`/ui/explain?${new URLSearchParams({ key })}`);
  } catch (error) {
    if (asked !== key) return;
    shown = "";
    const none = error.status === 404 ? t("search.none", { key }) : t("failed", { why: error.message });
    render(byId("story-body"), h("p", { class: "alarm", role: "status" }, none));
  }
  if (asked !== key) return;
  const text = JSON.stringify(found, (name, value) => (name === "now" ? undefined : value));
  if (found && text !== shown) {
    shown = text;
    render(byId("story-body"), found.map(tale));
    // Read out when it changes, and only then.
    const states = found.map((one) => `${t(`role.${one.role}`)}: ${stateText(one.state)}`).join("; ");
    if (byId("story-state").textContent !== states) byId("story-state").textContent = states;
  }
  // A replay sets even what has ended in motion again.
  timer = setTimeout(look, found?.some((one) => OPEN.has(one.state)) ? AGAIN_MS : 2 * AGAIN_MS);
}

function tale(one) {
  const who = [t(`role.${one.role}`), one.who, one.channel, one.recipient].filter(Boolean).join(" · ");
  const replay = mayAct() && (one.state === "dead" || one.state === "unknown")
    ? h("button", { type: "button", "data-key": `again ${one.id}`, on: { click: () => askReplayThose([one.id], one.state === "unknown", look) } }, t("replay")) : null;
  return h("article", { class: "tale" },
    h("div", { class: "head" },
      h("h3", {}, h("span", { class: `state ${one.state}` }, stateText(one.state)), " ", who),
      replay),
    h("p", { class: "soft" }, one.reason ? reasonText(one.reason) : one.in_words, " · ", h("span", { class: "name" }, one.id)),
    picture(one),
    one.dispatched_at ? h("p", { class: "soft" }, t("story.dispatched", { at: clock(one.dispatched_at) })) : null,
    one.rescheduled.map((each) => h("p", { class: "soft" }, t("story.rescheduled", { at: clock(each.at), who: each.who, to: clock(each.to), why: each.why }))),
    h("p", {}, t("story.next", { what: nextText(one) }), one.next_at ? ` ${t("story.at", { at: clock(one.next_at) })}` : ""),
    one.attempts.length ? attempts(one) : h("p", { class: "soft" }, t("story.noattempt")));
}

/** What is special about it (a rest, being overdue) the gateway says behind a semicolon. */
function nextText(one) {
  const key_ = `next.${one.state}`;
  if (!hasText(key_)) return one.next;
  const special = OPEN.has(one.state) ? one.next.split("; ").slice(1) : [];
  return [t(key_, { n: one.attempt, tier: one.tier }), ...special].join("; ");
}

const WHYS = [
  [/^step (?<n>\d+) of (?<ladder>.+): (?<time>[\d.]+) s( after the one before)?$/, "why.step"],
  [/^rescheduled by (?<who>.+)$/, "why.rescheduled"],
  [/^the moment that was asked for$/, "why.moment"],
  [/^the same step again: the channel rested$/, "why.rested"],
  [/^the same step again: the process before was lost$/, "why.lost"],
  [/^replayed from the first step$/, "why.replayed"],
];

function whyText(why) {
  for (const [pattern, key_] of WHYS) {
    const found = pattern.exec(why);
    if (found) return t(key_, found.groups ?? {});
  }
  return why;
}

function attempts(one) {
  const columns = [[t("story.attempt"), "num"], [t("story.tier"), "num"], [t("story.started"), "num"], [t("story.late"), "num"], [t("story.took"), "num"], [t("story.outcome"), ""], [t("story.answer"), "wordy"], [t("story.why"), "wordy"]];
  return table(t("story.picture", { n: one.attempts.length, state: stateText(one.state) }), columns, one.attempts.map((each) => [
    number(each.number), t("tier.s", { n: each.tier }), clock(each.started_at), ms(each.late_ms), ms(each.took_ms),
    h("span", { class: `state ${each.outcome}` }, outcomeText(each.outcome)),
    h("span", { class: "words" }, [each.code, each.detail, each.status === null ? "" : `HTTP ${each.status}`, each.body ?? ""].filter((part) => part && part !== "ok").join(" ")),
    whyText(each.why),
  ]));
}

/** Time goes to the right, long waits drawn shorter; each tier is a step higher. */
function picture(one) {
  const points = [
    { at: one.accepted_at, kind: "accepted", tier: null, label: t("story.accepted") },
    ...one.attempts.map((each) => ({ at: each.started_at, kind: each.outcome, tier: each.tier, label: String(each.number), code: each.code })),
  ];
  if (OPEN.has(one.state)) points.push({ at: one.due_at, kind: one.state, tier: one.tier, label: clock(one.due_at) });
  else if (one.state === "dead" || one.state === "cancelled") points.at(-1).kind = one.state;
  const gaps = points.slice(1).map((point, index) => 66 + 24 * Math.log1p(Math.max(new Date(point.at) - new Date(points[index].at), 0) / 1000));
  const tiers = [...new Set(points.map((point) => point.tier).filter((tier) => tier !== null))].sort((a, b) => a - b);
  const height = 80 + Math.max(tiers.length, 1) * 34;
  const level = (tier) => height - 54 - (tier === null ? 0 : (tiers.indexOf(tier) + 1) * 34 - 16);
  let along = 40;
  const places = points.map((point, index) => {
    if (index) along += gaps[index - 1];
    return { ...point, x: along, y: level(point.tier) };
  });
  const width = along + 50;
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "climb", "aria-label": t("story.picture", { n: one.attempts.length, state: stateText(one.state) }) });
  places.slice(1).forEach((place, index) => {
    const from = places[index];
    svg.append(s("path", { d: `M${from.x} ${from.y}H${place.x - 16}L${place.x} ${place.y}`, class: OPEN.has(place.kind) ? "way ahead" : "way" }));
  });
  places.forEach((place, index) => svg.append(mark(place, height, places[index - 1]?.at)));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("story", { key }), "data-key": `picture ${one.id}` }, svg);
}

const SIGNS = { sent: "✓", repeated: "✓", dead: "✕", cancelled: "✕", unknown: "?" };

function mark(place, height, before) {
  const group = s("g", { class: `mark ${place.kind}`, transform: `translate(${place.x.toFixed(1)} ${place.y})` });
  const title = [hasText(`outcome.${place.kind}`) ? outcomeText(place.kind) : stateText(place.kind), place.code, clock(place.at)].filter(Boolean).join(" · ");
  group.append(s("title", {}, title), s("circle", { r: place.kind === "accepted" ? 6 : 13 }));
  if (place.kind === "accepted") group.append(s("text", { y: -14, "text-anchor": "middle", class: "small" }, place.label));
  else {
    group.append(s("text", { y: 5, "text-anchor": "middle", class: "sign" }, SIGNS[place.kind] ?? (OPEN.has(place.kind) ? "…" : place.label)));
    group.append(s("text", { y: -19, "text-anchor": "middle", class: "small" }, t("tier.s", { n: place.tier })));
  }
  const text = (y, words) => s("text", { y: height - place.y - y, "text-anchor": "middle", class: "small soft" }, words);
  group.append(text(24, time(place.at)));
  if (day(place.at) !== day(before ?? new Date())) group.append(text(9, day(place.at)));
  return group;
}
