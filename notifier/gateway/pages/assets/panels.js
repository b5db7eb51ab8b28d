// Processes, endpoints and rests, clients, and what was done.

import { askPause, askResume, mayAct, scopeText } from "./ask.js";
import { byId, h, render, table } from "./dom.js";
import { bytes, clock, counted, duration, hasText, number, rate, reasonText, t } from "./look.js";

const unknown = () => h("p", { class: "unknown" }, t("unknown"));
const chip = (kind, text) => h("span", { class: `chip ${kind}` }, text);

export function showFleets(fleets) {
  const box = byId("fleet");
  const roles = (fleets ?? []).flatMap((fleet) => fleet.roles);
  const ready = roles.reduce((all, role) => all + role.ready, 0);
  const wanted = roles.reduce((all, role) => all + role.wanted, 0);
  byId("fleet-sum").textContent = fleets?.length ? t("fleet.sum", { ready, wanted }) : "";
  if (!fleets) return render(box, unknown());
  if (!fleets.length) return render(box, h("p", { class: "alarm" }, t("fleet.none")));
  return render(box, fleets.map(fleetBlock));
}

function fleetBlock(fleet) {
  const restarts = Object.fromEntries(fleet.roles.map((role) => [role.role, role.restarts]));
  const heard = fleet.heard_s_ago === null ? t("fleet.unheard") : t("fleet.heard", { time: duration(fleet.heard_s_ago) });
  const columns = [[t("fleet.process"), ""], [t("fleet.state"), ""], [t("fleet.flight"), "num"], [t("fleet.rate"), "num"], [t("fleet.memory"), "num"], [t("fleet.up"), "num"], [t("fleet.restarts"), "num"]];
  const rows = fleet.processes.map((each) => [
    [hasText(`kind.${each.kind}`) ? t(`kind.${each.kind}`, { tier: each.tier }) : each.kind, each.index > 1 ? ` /${each.index}` : "",
      each.last_error ? h("small", { class: "words", title: each.last_error }, each.last_error) : null],
    chip(each.state === "ready" ? "good" : "warn", hasText(`process.${each.state}`) ? t(`process.${each.state}`) : each.state),
    each.in_flight === null ? t("unknown") : number(each.in_flight), rate(each.rate_per_s), bytes(each.rss_bytes), duration(each.uptime_s),
    restarts[String(each.tier ?? each.kind)] ?? t("unknown"),
  ]);
  const name = `${fleet.host ?? ""}/${fleet.name}`;
  return h("div", { class: "fleet" },
    h("p", { class: fleet.heard_s_ago > 5 ? "alarm" : "soft" }, h("strong", {}, name), " · ", heard, " · ",
      fleet.stopping ? t("fleet.stopping") : t("fleet.version", { version: fleet.version ?? t("unknown"), time: duration(fleet.uptime_s) })),
    table(name, columns, rows));
}

export function showEndpoints(endpoints, pauses) {
  showPauses(pauses, endpoints);
  const box = byId("endpoints");
  byId("endpoints-sum").textContent = endpoints ? t("endpoints.sum", { n: endpoints.number }) : "";
  if (!endpoints) return render(box, unknown());
  if (!endpoints.number) return render(box, h("p", { class: "soft" }, t("endpoints.none")));
  const columns = [[t("endpoint"), ""], [t("endpoint.state"), ""], [t("endpoint.held"), "num"], [t("endpoint.why"), "wordy"], ...(mayAct() ? [[t("endpoint.act"), "num"]] : [])];
  const shown = endpoints.endpoints;
  return render(box, table(t("endpoints"), columns, shown.map(endpointRow)),
    shown.length < endpoints.number ? h("p", { class: "soft" }, t("endpoints.bound", { n: shown.length, m: endpoints.number })) : null);
}

function endpointRow(one) {
  const scope = `endpoint:${one.name}`;
  const [kind, text] = one.pause_reason ? ["rest", "endpoint.rests"] : one.breaker === "open" ? ["bad", "endpoint.open"]
    : one.failing_since ? ["warn", "endpoint.fails"] : ["good", "endpoint.works"];
  const failing = one.failing_since ? t("endpoint.failing", { n: one.failures, at: clock(one.failing_since) }) : "";
  const why = [one.pause_reason ? `${one.pause_reason} (${one.paused_by})` : "", failing, one.held_reason ? reasonText(one.held_reason) : ""].filter(Boolean);
  const button = one.pause_reason
    ? h("button", { type: "button", "data-key": `resume ${scope}`, on: { click: () => askResume(scope) } }, t("resume"))
    : h("button", { type: "button", "data-key": `pause ${scope}`, on: { click: () => askPause(scope) } }, t("pause"));
  return [[h("span", { class: "name" }, one.name), h("small", {}, one.url)], chip(kind, t(text)), counted(one.held), why.join(" · "), ...(mayAct() ? [button] : [])];
}

function showPauses(pauses, endpoints) {
  const box = byId("pauses");
  if (!pauses) return render(box, unknown());
  const items = pauses.map((one) => h("li", { class: "rests" },
    h("span", {}, t("rests", { what: scopeText(one.scope), since: clock(one.since), who: one.who, why: one.reason }),
      one.until ? ` · ${t("rests.until", { until: clock(one.until) })}` : "",
      // What waits in a tier's queue is not put off.
      one.scope.startsWith("tier:") ? "" : ` · ${t("rests.held", { n: counted(endpoints?.put_off.find((each) => each.scope === one.scope)) })}`),
    mayAct() ? h("button", { type: "button", "data-key": `lift ${one.scope}`, on: { click: () => askResume(one.scope) } }, t("resume")) : null));
  return render(box, items.length ? h("ul", { class: "plain" }, items) : null,
    mayAct() ? h("p", {}, h("button", { type: "button", class: "quiet", "data-key": "pause something", on: { click: () => askPause(null) } }, t("pause.something"))) : null);
}

export function showClients(clients) {
  const box = byId("clients");
  if (!clients) return render(box, unknown());
  const figures = ["clients.n", "clients.users", "clients.topics", "clients.unacknowledged", "clients.gateways"];
  return render(box, h("dl", { class: "figures" }, figures.map((key) => {
    const value = clients[key.split(".")[1] === "n" ? "clients" : key.split(".")[1]];
    return h("div", {}, h("dt", {}, t(key)), h("dd", {}, value === undefined || value === null ? t("unknown") : typeof value === "object" ? counted(value) : number(value)));
  })));
}

export function showDeeds(deeds) {
  const box = byId("deeds");
  if (!deeds) return render(box, unknown());
  if (!deeds.length) return render(box, h("p", { class: "soft" }, t("deeds.none")));
  return render(box, h("ol", { class: "plain deeds scroll", tabindex: "0", "aria-label": t("deeds"), "data-key": "deeds" }, deeds.map((one) => h("li", {},
    h("time", { datetime: one.at }, clock(one.at)), " ", h("strong", {}, one.who), " ", hasText(`deed.${one.deed}`) ? t(`deed.${one.deed}`) : one.deed, " ",
    h("span", { class: "name" }, one.target), " ",
    one.deed === "replay" ? h("span", { class: "soft" }, t("deed.of", { done: one.done ?? t("unknown"), asked: one.asked })) : null,
    h("small", { class: "words" }, one.why)))));
}
