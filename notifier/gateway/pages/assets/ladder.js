// The ladder as a living picture: up is told, right is again later, down is given up.

import { byId, h, render, s, table } from "./dom.js";
import { counted, duration, ms, number, rate, short, t } from "./look.js";

const WIDE = { across: true, width: 1180, height: 396 };
const TALL = { across: false, width: 380 };
const NARROWER_THAN = 860;

let layout = null;
let parts = null;

const measure = new ResizeObserver(([entry]) => {
  const next = entry.contentRect.width < NARROWER_THAN ? TALL : WIDE;
  if (next !== layout) {
    layout = next;
    parts = null;
    if (shown) draw(shown);
  }
});

let shown = null;

export function showLadder(ladder, counts, pauses) {
  shown = { ladder, counts, pauses };
  if (!layout) {
    layout = byId("ladder").clientWidth < NARROWER_THAN ? TALL : WIDE;
    measure.observe(byId("ladder"));
  }
  draw(shown);
}

const tiersOf = (ladder) => ladder?.tiers ?? [1, 3, 5, 15, 30].map((tier) => ({ tier }));

function draw({ ladder, counts, pauses }) {
  const tiers = tiersOf(ladder);
  const signature = tiers.map((each) => each.tier).join();
  if (!parts || parts.signature !== signature) parts = build(tiers, signature);
  byId("ladder-window").textContent = ladder ? t("ladder.window", { time: duration(ladder.window_s) }) : t("unknown");
  const resting = new Set((pauses ?? []).map((each) => each.scope));
  for (const tier of tiers) update(parts.tiers.get(tier.tier), tier, ladder, resting.has(`tier:${tier.tier}`));
  write(parts.calendar, counted(counts?.scheduled, short));
  write(parts.told, sum(ladder, "sent"));
  write(parts.lost, lostOf(ladder));
  write(parts.lostAll, t("in.all", { n: counted(counts?.dead, short) }));
  const [toldText, lostText] = [t("told"), t("given.up")];
  write(parts.toldName, toldText);
  write(parts.lostName, lostText);
  write(parts.calendarName, t("calendar.box"));
  parts.svg.setAttribute("aria-label", t("ladder.picture", { parts: tiers.map((each) => t("ladder.part", {
    tier: each.tier, waiting: counted(each.waiting), flight: counted(each.in_flight),
    sent: each.sent === undefined ? t("unknown") : number(each.sent), dead: counted(each.dead),
  })).join("; ") }));
  drawTable(tiers, ladder);
}

const sum = (ladder, name) => (ladder ? short(ladder.tiers.reduce((all, each) => all + each[name], 0)) : t("unknown"));

function lostOf(ladder) {
  if (!ladder) return t("unknown");
  const all = ladder.tiers.map((each) => each.dead);
  return counted({ n: all.reduce((sum_, each) => sum_ + each.n, 0), more: all.some((each) => each.more) }, short);
}

function write(text, value) {
  if (text.textContent === value) return;
  text.textContent = value;
  text.classList.toggle("unknown", value === t("unknown"));
}

function build(tiers, signature) {
  const { across } = layout;
  const height = across ? layout.height : 170 + tiers.length * 132;
  const svg = s("svg", { viewBox: `0 0 ${layout.width} ${height}`, role: "img", class: across ? "ladder across" : "ladder tall" });
  const made = new Map();
  const flows = s("g", { class: "flows" });
  const cards = s("g");
  svg.append(flows, cards);
  const ends = across ? buildEndsAcross(svg, height) : buildEndsTall(svg, height);
  tiers.forEach((tier, index) => {
    const place = across ? placeAcross(index, tiers.length) : placeTall(index);
    made.set(tier.tier, card(cards, flows, place, tier.tier, index + 1 < tiers.length, across, height));
  });
  render(byId("ladder"), svg);
  return { svg, signature, tiers: made, ...ends };
}

function placeAcross(index, count) {
  const room = layout.width - 168;
  const gap = 42;
  const width = (room - gap * (count - 1)) / count;
  return { x: 160 + index * (width + gap), y: 124 - index * (50 / Math.max(count - 1, 1)), width, height: 160, rise: 50 / Math.max(count - 1, 1), gap };
}

const placeTall = (index) => ({ x: 52, y: 84 + index * 132, width: 276, height: 104, rise: 0, gap: 28 });

function pill(svg, x, y, width, height, kind) {
  const name = s("text", { class: "end-name" });
  const value = s("text", { class: "end-value" });
  svg.append(s("rect", { x, y, width, height, rx: 10, class: `end ${kind}` }), name, value);
  return { name, value };
}

function put(text, x, y, anchor = "start") {
  text.setAttribute("x", x);
  text.setAttribute("y", y);
  text.setAttribute("text-anchor", anchor);
  return text;
}

function buildEndsAcross(svg, height) {
  const told = pill(svg, 160, 8, layout.width - 168, 34, "sent");
  put(told.name, 176, 30);
  put(told.value, layout.width - 24, 30, "end");
  const lost = pill(svg, 160, height - 42, layout.width - 168, 34, "dead");
  put(lost.name, 176, height - 20);
  put(lost.value, layout.width - 24, height - 20, "end");
  const lostAll = put(s("text", { class: "end-soft" }), layout.width - 110, height - 20, "end");
  const calendar = pill(svg, 8, 166, 112, 76, "calendar");
  put(calendar.name, 64, 193, "middle");
  put(calendar.value, 64, 222, "middle").classList.add("big");
  svg.append(lostAll, s("path", { d: "M120 204H158", class: "flow quiet" }));
  return { told: told.value, toldName: told.name, lost: lost.value, lostName: lost.name, lostAll, calendar: calendar.value, calendarName: calendar.name };
}

function buildEndsTall(svg, height) {
  const calendar = pill(svg, 52, 6, 276, 48, "calendar");
  put(calendar.name, 68, 36);
  put(calendar.value, 312, 37, "end").classList.add("big");
  const lost = pill(svg, 8, height - 58, 178, 50, "dead");
  put(lost.name, 20, height - 37);
  put(lost.value, 174, height - 37, "end");
  const lostAll = put(s("text", { class: "end-soft" }), 174, height - 19, "end");
  const told = pill(svg, 196, height - 58, 176, 50, "sent");
  put(told.name, 208, height - 28);
  put(told.value, 360, height - 28, "end");
  svg.append(lostAll, s("path", { d: "M190 54V82", class: "flow quiet" }));
  return { told: told.value, toldName: told.name, lost: lost.value, lostName: lost.name, lostAll, calendar: calendar.value, calendarName: calendar.name };
}

function card(cards, flows, place, tier, hasNext, across, total) {
  const { x, y, width, height } = place;
  const group = s("g", { class: "tier", transform: `translate(${x} ${y})` });
  const text = (kind, at, down, anchor) => put(s("text", { class: kind }), at, down, anchor);
  const right = width - 14;
  const made = {
    group,
    name: text("tier-name", 14, 30),
    rate: text("tier-rate", right, 29, "end"),
    waitingName: text("tier-label", 14, across ? 58 : 56),
    waiting: text("tier-value waiting", across ? right : width / 2 - 14, across ? 59 : 57, "end"),
    flightName: text("tier-label", across ? 14 : width / 2 + 8, across ? 82 : 56),
    flight: text("tier-value flight", right, across ? 83 : 57, "end"),
    lateName: text("tier-label", 14, across ? 122 : 92),
    late: text("tier-late", right, across ? 122 : 92, "end"),
    worstName: text("tier-label", 14, 144),
    worst: text("tier-late", right, 144, "end"),
    rest: across ? text("tier-rest", 2, -7) : text("tier-rest", 78, 29),
    level: s("rect", { x: 14, y: across ? 93 : 68, width: 0, height: 6, rx: 3, class: "level" }),
    pulse: s("circle", { cx: right + 5, cy: 9, r: 4, class: "pulse" }),
  };
  group.append(s("rect", { width, height, rx: 12, class: "box" }),
    s("rect", { x: 14, y: across ? 93 : 68, width: width - 28, height: 6, rx: 3, class: "level-back" }),
    made.level, made.name, made.rate, made.waitingName, made.waiting, made.flightName, made.flight,
    made.lateName, made.late, made.worstName, made.worst, made.rest, made.pulse);
  made.room = width - 28;
  cards.append(group);
  made.sent = flow(flows, "sent", across ? `M${x + width / 2 + 12} ${y}V44` : `M${x + width} ${y + 52}H350V${total - 60}`,
    across ? [x + width / 2 + 20, (y + 44) / 2 + 5] : [x + width - 8, y + height + 18, "end"]);
  made.dead = flow(flows, "dead", across ? `M${x + width / 2 - 12} ${y + height}V${total - 44}` : `M${x} ${y + 52}H30V${total - 60}`,
    across ? [x + width / 2 - 4, (y + height + total - 44) / 2 + 5] : [x + 8, y + height + 18]);
  if (hasNext) {
    made.retried = flow(flows, "retried",
      across ? `M${x + width} ${y + 76}C${x + width + 17} ${y + 76} ${x + width + 17} ${y + 76 - place.rise} ${x + width + place.gap} ${y + 76 - place.rise}`
        : `M${x + width / 2} ${y + height}V${y + height + place.gap - 2}`,
      across ? [x + width + place.gap / 2, y + 62, "middle"] : [x + width / 2 + 8, y + height + 18]);
  }
  return made;
}

function flow(flows, kind, d, [x, y, anchor]) {
  const path = s("path", { d, class: `flow ${kind}` });
  const label = put(s("text", { class: `flow-label ${kind}` }), x, y, anchor);
  flows.append(path, label);
  return { path, label };
}

function update(made, tier, ladder, rests) {
  const known = ladder !== null && ladder !== undefined;
  write(made.name, t("tier.s", { n: tier.tier }));
  write(made.rate, known ? rate(tier.rate_per_s) : t("unknown"));
  write(made.waitingName, t("waiting"));
  write(made.waiting, known ? counted(tier.waiting, short) : t("unknown"));
  write(made.flightName, t("in.flight"));
  write(made.flight, known ? counted(tier.in_flight, short) : t("unknown"));
  const [p50, p99] = known ? [ms(tier.p50_ms), ms(tier.p99_ms)] : [t("unknown"), t("unknown")];
  write(made.lateName, layout.across ? t("lateness.p50") : `${t("lateness")} p50 · p99`);
  write(made.late, layout.across || p50 === p99 ? p50 : `${p50} · ${p99}`);
  write(made.worstName, layout.across ? t("lateness.p99") : "");
  write(made.worst, layout.across ? p99 : "");
  write(made.rest, rests ? `❚❚ ${t("at.rest")}` : known && tier.overdue > 0 ? `${t("overdue")} ${short(tier.overdue)}` : "");
  made.group.classList.toggle("resting", rests);
  made.group.classList.toggle("late", known && tier.overdue > 0);
  made.group.classList.toggle("flying", known && tier.in_flight?.n > 0);
  const level = known ? Math.min(Math.log10(1 + (tier.waiting?.n ?? 0)) / 4, 1) : 0;
  made.level.setAttribute("width", (level * made.room).toFixed(1));
  run(made.sent, tier.sent, ladder);
  run(made.dead, tier.dead?.n, ladder);
  if (made.retried) run(made.retried, tier.retried, ladder);
}

/** Thicker and faster with the rate; at rest where nothing flows. */
function run({ path, label }, count, ladder) {
  const perSecond = ladder && count ? count / ladder.window_s : 0;
  path.classList.toggle("moving", perSecond > 0);
  const strength = Math.log10(1 + perSecond * 10);
  path.style.setProperty("--wide", `${(1.5 + Math.min(strength, 4) * 1.6).toFixed(1)}px`);
  const pace = `${Math.max(2.6 - strength * 0.6, 0.5).toFixed(1)}s`;
  if (path.style.getPropertyValue("--pace") !== pace) path.style.setProperty("--pace", pace);
  write(label, count ? short(count) : "");
}

function drawTable(tiers, ladder) {
  const columns = [[t("tier"), ""], ...["waiting", "in.flight", "overdue", "sent", "retried", "dead.n", "other", "rate", "lateness.p50", "lateness.p99"].map((key) => [t(key), "num"])];
  const plain = (value) => (value === undefined || value === null ? t("unknown") : number(value));
  render(byId("ladder-table"), table(t("ladder"), columns, tiers.map((each) => [
    t("tier.s", { n: each.tier }), counted(each.waiting), counted(each.in_flight), plain(each.overdue), plain(each.sent),
    plain(each.retried), counted(each.dead), plain(each.other), rate(each.rate_per_s),
    ladder ? ms(each.p50_ms) : t("unknown"), ladder ? ms(each.p99_ms) : t("unknown"),
  ])));
}
