// The door: a name and a password, or a link that works once.

import { applyLook, switchLanguage, t } from "./look.js";

const form = document.getElementById("login");
const wrong = document.getElementById("wrong");

async function enter(credentials) {
  wrong.textContent = "";
  const button = form.querySelector("button.main");
  button.disabled = true;
  try {
    const answer = await fetch("/ui/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(credentials),
    });
    if (answer.ok) return location.replace("/");
    const problem = await answer.json().catch(() => ({}));
    if (answer.status === 429) wrong.textContent = t("login.wait", { n: Math.ceil(problem.wait_s ?? 60) });
    else if (answer.status === 403) wrong.textContent = t(credentials.link ? "login.link" : "login.wrong");
    else wrong.textContent = problem.detail ?? t("login.away");
  } catch {
    wrong.textContent = t("login.away");
  } finally {
    button.disabled = false;
  }
  return undefined;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  enter({ name: form.elements.name.value.trim(), password: form.elements.password.value });
});
document.getElementById("language").addEventListener("click", switchLanguage);
applyLook();

if (location.hash.length > 1) {
  const link = location.hash.slice(1);
  history.replaceState(null, "", "/login");
  enter({ link });
}
