// Elements from values: whatever comes from outside becomes a text node, and nothing else.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [kind, act] of Object.entries(value)) element.addEventListener(kind, act);
    else if (name === "vars") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function s(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

export const byId = (id) => document.getElementById(id);

/** Replace what an element holds, and keep the focus and what was scrolled where they were. */
export function render(container, ...children) {
  const active = document.activeElement;
  const key = container.contains(active) ? active.dataset.key : undefined;
  const scrolled = [...container.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
  container.replaceChildren(...children.flat(3).filter(Boolean));
  [...container.querySelectorAll(".scroll")].forEach((each, index) => {
    if (scrolled[index]) [each.scrollLeft, each.scrollTop] = scrolled[index];
  });
  if (key) [...container.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key)?.focus({ preventScroll: true });
}

/** A table whose first column names the row. columns: [title, class]; rows: arrays of cells. */
export function table(caption, columns, rows) {
  // The roles are said as well, since a phone's layout takes them from the elements.
  const head = h("tr", { role: "row" }, columns.map(([title, kind]) => h("th", { scope: "col", role: "columnheader", class: kind }, title)));
  const first = columns.findIndex(([, kind]) => kind !== "pick");
  const body = rows.map((cells) => h("tr", { role: "row" }, cells.map((cell, index) => {
    const [title, kind] = columns[index];
    const properties = { class: kind, "data-label": typeof title === "string" ? title : null };
    return index === first ? h("th", { ...properties, scope: "row", role: "rowheader" }, h("div", {}, cell))
      : h("td", { ...properties, role: "cell" }, kind === "pick" ? cell : h("div", {}, cell));
  })));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption, "data-key": `table ${caption}` },
    h("table", { role: "table" }, h("caption", { class: "sr" }, caption), h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }, body)));
}
