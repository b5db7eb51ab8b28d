// What becomes due: the next hour by minute, the next day by hour.

import { byId, h, render, s } from "./dom.js";
import { clock, counted, number, t } from "./look.js";

const HEIGHT = 92;
const GAP = 32;
const NARROWEST = 420;

let shown = [];
let room = 0;

// Drawn in the room there is, so that its letters are as large as all others.
new ResizeObserver(([entry]) => {
  const next = Math.floor(entry.contentRect.width);
  if (next === room) return;
  room = next;
  showCalendar(...shown);
}).observe(byId("calendar"));

export function showCalendar(calendar, counts) {
  shown = [calendar, counts];
  if (!room) room = byId("calendar").clientWidth;
  byId("calendar-sum").textContent = t("calendar.sum", { n: counted(counts?.scheduled) });
  if (!calendar) return render(byId("calendar"), h("p", { class: "unknown" }, t("unknown")));
  const minutes = calendar.buckets.filter((each) => each.lasts_s <= 60);
  const hours = calendar.buckets.filter((each) => each.lasts_s > 60);
  const first = {
    at: minutes[0].at, lasts_s: 3600,
    n: minutes.reduce((all, each) => all + each.n, 0), more: minutes.some((each) => each.more),
  };
  return render(byId("calendar"),
    calendar.overdue.n > 0 ? h("p", { class: "alarm" }, t("calendar.overdue", { n: counted(calendar.overdue) })) : null,
    h("div", { class: "charts" }, chart("calendar.minutes", minutes, 15), chart("calendar.hours", [first, ...hours], 6)),
    calendar.later.n > 0 ? h("p", { class: "soft" }, t("calendar.later", { n: counted(calendar.later) })) : null);
}

function chart(key, buckets, every) {
  const most = Math.max(...buckets.map((each) => each.n));
  const width = room < 2 * NARROWEST + GAP ? Math.max(room, 240) : (room - GAP) / 2;
  const step = width / buckets.length;
  const title = t(key);
  const busiest = buckets.find((each) => each.n === most);
  const words = most ? t("calendar.busiest", { at: clock(busiest.at, { seconds: false }), n: counted(busiest) }) : t("calendar.empty");
  const svg = s("svg", { viewBox: `0 0 ${width} ${HEIGHT + 22}`, role: "img", "aria-label": `${title}. ${words}`, class: "chart" });
  buckets.forEach((bucket, index) => {
    const tall = bucket.n ? Math.max((bucket.n / most) * (HEIGHT - 18), 3) : 1;
    svg.append(s("rect", {
      x: (index * step + step * 0.12).toFixed(1), y: HEIGHT - tall, width: (step * 0.76).toFixed(1), height: tall, rx: Math.min(step * 0.2, 3),
      class: bucket.n ? (bucket.more ? "bar more" : "bar") : "bar none",
    }, s("title", {}, t("calendar.bar", { at: clock(bucket.at, { seconds: false }), n: counted(bucket) }))));
    if (index % every === 0) svg.append(s("text", { x: index * step + step / 2, y: HEIGHT + 17, "text-anchor": index ? "middle" : "start", class: "axis" }, clock(bucket.at, { seconds: false })));
  });
  if (most) svg.append(s("text", { x: width, y: 11, "text-anchor": "end", class: "axis" }, number(most)));
  return h("figure", {}, h("figcaption", {}, title, " ", h("span", { class: "soft" }, words)), svg);
}
