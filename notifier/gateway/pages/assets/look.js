// Language, light and dark, and how numbers and moments are written.

import { WORDS } from "./words.js";

const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const store = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private mode */ } };

let language = stored("notifier.language") ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
if (!WORDS[language]) language = "en";
const changed = new Set();

const LOCALES = { en: "en-GB", zh: "zh-CN" };

/** The text of a key; {name} in it stands for a value, {name|one|many} for a word by its number. */
export function t(key, values = {}) {
  const text = WORDS[language][key] ?? WORDS.en[key] ?? key;
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name, one, many) => {
    if (one !== undefined) return Number(values[name]) === 1 ? one : many;
    return typeof values[name] === "number" ? number(values[name]) : String(values[name] ?? "");
  });
}

export const hasText = (key) => key in WORDS.en;
export const onLook = (act) => changed.add(act);

export function applyLook() {
  document.documentElement.lang = LOCALES[language];
  for (const each of document.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);
  for (const each of document.querySelectorAll("[data-tp]")) each.placeholder = t(each.dataset.tp);
  const switching = document.getElementById("language");
  if (switching) {
    switching.textContent = language === "en" ? "中文" : "English";
    switching.lang = language === "en" ? "zh-CN" : "en";
  }
  applyTheme();
  for (const act of changed) act();
}

export function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  store("notifier.language", language);
  applyLook();
}

const THEMES = ["auto", "light", "dark"];
let theme = THEMES.includes(stored("notifier.theme")) ? stored("notifier.theme") : "auto";

function applyTheme() {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  if (button) button.textContent = t(`theme.${theme}`);
}

export function switchTheme() {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  store("notifier.theme", theme);
  applyTheme();
}

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(LOCALES[language], { maximumFractionDigits: digits }).format(value);

export const short = (value) =>
  new Intl.NumberFormat(LOCALES[language], { notation: "compact", maximumFractionDigits: 1 }).format(value);

/** A counted number; "≥" where there are others. */
export function counted(count, write = number) {
  if (count === null || count === undefined) return t("unknown");
  return (count.more ? "≥ " : "") + write(count.n);
}

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return t("unknown");
  return t("per.s", { n: number(perSecond, perSecond < 10 ? 2 : perSecond < 100 ? 1 : 0) });
}

export function ms(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1000) return `${number(value, value < 10 ? 1 : 0)} ms`;
  return duration(value / 1000);
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return t("unknown");
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const [size, unit] = units.find(([each]) => Math.abs(seconds) >= each) ?? [1, "s"];
  const value = seconds / size;
  return `${number(value, value < 10 && seconds % size ? 1 : 0)} ${t(`unit.${unit}`)}`;
}

const DAY = { month: "short", day: "numeric" };
const format = (moment, options) => new Intl.DateTimeFormat(LOCALES[language], options).format(new Date(moment));

export const day = (moment) => format(moment, DAY);
export const time = (moment) => format(moment, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** With the day where it is not today. */
export function clock(moment, { seconds = true } = {}) {
  if (!moment) return t("unknown");
  const away = day(moment) !== day(new Date());
  return format(moment, { ...(away ? DAY : {}), hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}), hourCycle: "h23" });
}

export const bytes = (value) =>
  value === null || value === undefined ? t("unknown") : `${number(value / 1048576)} MiB`;

/** A reason in words where there are some, else as it is. */
export function reasonText(reason) {
  if (!reason) return t("reason.none");
  const [kind, ...rest] = reason.split(":");
  return hasText(`reason.${kind}`) ? t(`reason.${kind}`, { rest: rest.join(":") }) : reason;
}

export const stateText = (state) => (hasText(`state.${state}`) ? t(`state.${state}`) : state);
export const outcomeText = (outcome) => (hasText(`outcome.${outcome}`) ? t(`outcome.${outcome}`) : outcome);
