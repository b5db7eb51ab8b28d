// Requests to the gateway, and the questions before each deed.

import { byId, h, render } from "./dom.js";
import { t } from "./look.js";

let me = null;
const waiting = [];

export const setMe = (value) => { me = value; };
export const mayAct = () => me?.role === "operator";
export const whenLoggedOut = (act) => waiting.push(act);

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `HTTP ${status}`);
    Object.assign(this, { status, problem });
  }
}

async function ask(address, options) {
  const answer = await fetch(address, { cache: "no-store", ...options });
  if (answer.ok) return answer.json();
  if (answer.status === 401) for (const act of waiting) act();
  throw new Refused(answer.status, await answer.json().catch(() => ({})));
}

export const get = (address) => ask(address, {});

export const post = (address, body = {}) => ask(address, {
  method: "POST",
  headers: { "content-type": "application/json", "x-notifier-proof": me?.proof ?? "" },
  body: JSON.stringify(body),
});

/** A sentence that comes and goes; read out once. */
export function note(kind, text) {
  const box = byId("notes");
  const line = h("p", { class: `note ${kind}` }, h("span", {}, text), h("button", { type: "button", class: "quiet", "aria-label": t("close"), on: { click: () => line.remove() } }, "✕"));
  box.append(line);
  while (box.children.length > 3) box.firstChild.remove();
  if (kind === "good") setTimeout(() => line.remove(), 12000);
}

export function scopeText(scope) {
  const [kind, ...rest] = scope.split(":");
  return ["channel", "endpoint", "tier"].includes(kind) ? t(`scope.${kind}`, { name: rest.join(":") }) : scope;
}

/** Show the question; act(why, form) runs at yes, and what it throws is shown in the dialog. */
function question({ title, lines, go, danger, extra, act }) {
  const dialog = byId("ask");
  const wrong = h("p", { class: "wrong", role: "alert" });
  const button = h("button", { type: "submit", class: danger ? "main danger" : "main" }, go);
  const form = h("form", {
    method: "dialog",
    on: {
      submit: async (event) => {
        event.preventDefault();
        button.disabled = true;
        wrong.textContent = "";
        try {
          await act(form.elements.why.value, form);
          dialog.close();
        } catch (error) {
          wrong.textContent = t("failed", { why: error.message });
          button.disabled = false;
        }
      },
    },
  },
  h("h2", { id: "ask-h" }, title), lines.map((line) => h("p", {}, line)), extra ?? null,
  h("label", { for: "why" }, t("ask.why")), h("input", { id: "why", name: "why", maxlength: "190", required: true, autocomplete: "off" }),
  wrong,
  h("div", { class: "row" }, h("span", { class: "grow" }), h("button", { type: "button", on: { click: () => dialog.close() } }, t("cancel")), button));
  const asker = document.activeElement;
  const home = asker?.closest("section")?.querySelector("h2");
  dialog.addEventListener("close", () => focusAgain(asker?.dataset.key, home), { once: true });
  render(dialog, form);
  dialog.showModal();
  form.elements[extra ? "what" : "why"]?.focus();
}

/** Where the person was: what asked may have been drawn anew, or be of no more use. */
function focusAgain(key, home) {
  const found = key && [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key && !each.disabled);
  if (home) home.tabIndex = -1;
  (found || home || byId("main")).focus({ preventScroll: true });
}

function tell(outcome) {
  if (outcome.done) note("good", t("done.replay", { n: outcome.done }));
  if (outcome.refused) note("bad", t("done.refused", { n: outcome.refused, why: outcome.refusals.map((one) => `${one.order_no || one.id}: ${one.why}`).slice(0, 3).join("; ") }));
  if (outcome.held_up) note("warn", t("done.held", { why: outcome.held_up }));
}

export function askReplayThose(ids, force, after) {
  const n = ids.length;
  question({
    title: t("ask.replay", { n }), lines: [t("ask.replay.what", { n }), force ? t("ask.replay.force", { n }) : null].filter(Boolean),
    go: t("ask.go.replay", { n }), danger: force,
    act: async (why) => { tell(await post("/ui/replay", { ids, why, force })); after(); },
  });
}

export async function askReplayAll(reason, after) {
  const query = reason === null ? "" : `?${new URLSearchParams({ reason })}`;
  let found;
  try {
    found = await get(`/ui/dead/count${query}`);
  } catch (error) {
    return note("bad", t("failed", { why: error.message }));
  }
  const n = found.at_once;
  if (!n) return after();
  return question({
    title: t("ask.replay", { n }),
    lines: [reason === null ? null : t("dead.reason", { reason }), t("ask.replay.what", { n }), found.count > n ? t("ask.replay.part", { n, count: found.count }) : null].filter(Boolean),
    go: t("ask.go.replay", { n }),
    act: async (why) => {
      tell(await post("/ui/replay-all", { reason, confirmed: n, why }));
      after();
    },
  });
}

const SCOPES = () => [...["wechat", "webhook", "push"].map((name) => `channel:${name}`), ...(me?.tiers ?? []).map((tier) => `tier:${tier}`)];

/** scope: null: the person says which. */
export function askPause(scope) {
  const extra = scope ? null : h("p", {}, h("label", { for: "what" }, t("ask.what")), " ",
    h("select", { id: "what", name: "what" }, SCOPES().map((each) => h("option", { value: each }, scopeText(each)))));
  question({
    title: t("ask.pause", { what: scope ? scopeText(scope) : "…" }), lines: [t("ask.pause.what")], go: t("ask.go.pause"), danger: true, extra,
    act: async (why, form) => {
      const chosen = scope ?? form.elements.what.value;
      await post("/ui/pause", { scope: chosen, why });
      note("good", t("done.pause", { what: scopeText(chosen) }));
    },
  });
}

export function askResume(scope) {
  question({
    title: t("ask.resume", { what: scopeText(scope) }), lines: [t("ask.resume.what")], go: t("ask.go.resume"),
    act: async (why) => {
      const answer = await post("/ui/resume", { scope, why });
      note("good", t("done.resume", { what: scopeText(scope), n: answer.put_off }));
    },
  });
}
