// What was given up: by reason, and one by one with replay.

import { askReplayAll, askReplayThose, get, mayAct } from "./ask.js";
import { byId, h, render, table } from "./dom.js";
import { clock, counted, number, reasonText, stateText, t } from "./look.js";
import { showStory } from "./story.js";

const view = { state: "dead", reason: null, found: [], more: false, chosen: new Set(), loaded: false, away: "", newer: false };
let known = "";

export function showFailures(failures, counts) {
  const box = byId("failures");
  byId("failures-sum").textContent = t("failures.sum", { n: counted(counts?.dead), m: counted(counts?.unknown) });
  if (!failures) render(box, h("p", { class: "unknown" }, t("unknown")));
  else if (!failures.groups.length) render(box, h("p", { class: "soft good-news" }, t("failures.none")));
  else {
    render(box, h("ul", { class: "plain groups" }, failures.groups.map(group)),
      failures.more ? h("p", { class: "soft" }, t("failures.bound", { n: failures.looked_at })) : null);
  }
  if (!failures && !view.loaded) render(byId("dead"), h("p", { class: "unknown" }, t("unknown")));
  const now = JSON.stringify([failures?.groups.map((each) => [each.state, each.reason, each.count]), counts]);
  if (failures && now !== known) {
    known = now;
    // A list in which somebody is choosing does not change under his hand.
    if (view.chosen.size || view.found.length > 50) { view.newer = true; drawDead(); } else load();
  }
}

function group(one) {
  const newest = one.newest;
  const name = newest.order_no || newest.id;
  return h("li", {},
    h("div", { class: "group-head" },
      h("span", { class: `count ${one.state}` }, number(one.count)),
      h("span", { class: "reason" }, reasonText(one.reason), reasonText(one.reason) === one.reason ? null : h("small", { class: "name" }, one.reason)),
      h("span", { class: "soft" }, t("failures.last", { at: clock(newest.ended_at) }))),
    h("p", { class: "words" }, newest.words || ""),
    h("div", { class: "row" },
      h("button", { type: "button", class: "link", "data-key": `story ${one.state} ${one.reason}`, on: { click: () => showStory(name) } }, name),
      h("span", { class: "grow" }),
      h("button", { type: "button", "data-key": `show ${one.state} ${one.reason}`, on: { click: () => choose(one.state, one.reason) } }, t("failures.show")),
      mayAct() && one.state === "dead" ? h("button", { type: "button", "data-key": `replay ${one.reason}`, on: { click: () => askReplayAll(one.reason, after) } }, t("replay")) : null));
}

const after = () => { view.chosen.clear(); load(); };

function choose(state, reason) {
  Object.assign(view, { state, reason, found: [], chosen: new Set(), loaded: false });
  drawDead();
  byId("dead-section").scrollIntoView({ block: "start" });
  byId("dead-h").focus({ preventScroll: true });
  load();
}

async function load(before = null) {
  const asked = `${view.state} ${view.reason}`;
  const query = new URLSearchParams({ state: view.state, ...(view.reason === null ? {} : { reason: view.reason }), ...(before ? { before } : {}) });
  try {
    const answer = await get(`/ui/dead?${query}`);
    if (asked !== `${view.state} ${view.reason}`) return;
    view.found = before ? [...view.found, ...answer.found] : answer.found;
    Object.assign(view, { more: answer.more, loaded: true, away: "", newer: before ? view.newer : false });
    if (!before) view.chosen.clear();
  } catch (error) {
    view.away = error.message;
  }
  drawDead();
}

const nameOf = (one) => one.order_no || one.id;

export function drawDead() {
  const states = ["dead", "unknown"].map((state) => h("button", {
    type: "button", class: "tab", "aria-pressed": String(view.state === state), "data-key": `state ${state}`, on: { click: () => choose(state, null) },
  }, t(`dead.state.${state}`)));
  const filter = view.reason === null ? null : h("button", { type: "button", class: "tab", "data-key": "no reason", on: { click: () => choose(view.state, null) } },
    t("dead.reason", { reason: view.reason }), " ✕ ", h("span", { class: "sr" }, t("dead.all.reasons")));
  const acts = mayAct() ? [
    h("button", { type: "button", class: "main", "data-key": "chosen", disabled: !view.chosen.size, on: { click: () => askReplayThose([...view.chosen], view.state === "unknown", after) } }, view.chosen.size ? t("replay.chosen", { n: view.chosen.size }) : t("replay.none")),
    view.state === "dead" ? h("button", { type: "button", "data-key": "all", disabled: !view.found.length, on: { click: () => askReplayAll(view.reason, after) } }, t(view.reason === null ? "replay.all" : "replay.reason")) : null,
  ] : [];
  render(byId("dead"),
    h("div", { class: "row" }, states, filter, h("span", { class: "grow" }), acts),
    view.newer ? h("p", { class: "soft" }, t("dead.new"), " ", h("button", { type: "button", "data-key": "refresh", on: { click: () => load() } }, t("dead.refresh"))) : null,
    view.away ? h("p", { class: "alarm" }, t("failed", { why: view.away })) : null,
    !view.loaded ? (view.away ? null : h("p", { class: "soft" }, "…")) : view.found.length ? list() : h("p", { class: "soft good-news" }, t("dead.none")),
    view.more ? h("p", {}, h("button", { type: "button", "data-key": "more", on: { click: () => load(view.found.at(-1).id) } }, t("dead.more"))) : null);
}

function list() {
  const all = h("input", {
    type: "checkbox", "aria-label": t("dead.pick.all"), "data-key": "pick all", checked: view.found.length > 0 && view.found.every((one) => view.chosen.has(one.id)),
    on: { change: (event) => { view.chosen = new Set(event.target.checked ? view.found.map((one) => one.id) : []); drawDead(); } },
  });
  const columns = [...(mayAct() ? [[all, "pick"]] : []), [t("dead.order"), ""], [t("dead.whom"), ""], [t("dead.reason.h"), "wordy"], [t("dead.words"), "wordy"], [t("dead.ended"), "num"]];
  return table(t("dead"), columns, view.found.map((one) => [
    ...(mayAct() ? [h("input", {
      type: "checkbox", "aria-label": t("dead.pick", { name: nameOf(one) }), "data-key": `pick ${one.id}`, checked: view.chosen.has(one.id),
      on: { change: (event) => { view.chosen[event.target.checked ? "add" : "delete"](one.id); drawDead(); } },
    })] : []),
    h("button", { type: "button", class: "link name", "data-key": `open ${one.id}`, on: { click: () => showStory(one.id) } }, nameOf(one)),
    [t(`role.${one.role}`), h("small", {}, `${one.channel} ${one.recipient}`)],
    [reasonText(one.reason), one.state === "dead" ? null : h("small", {}, stateText(one.state))],
    h("span", { class: "words" }, one.words), clock(one.ended_at),
  ]));
}
