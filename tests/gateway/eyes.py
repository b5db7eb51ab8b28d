"""What is wrong with a page that a browser has painted: by its pixels, its boxes and its names."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from tests.gateway.browser import Tab

PARTS = ("ladder", "calendar", "failures", "fleet", "dead", "endpoints", "clients", "deeds")

# The colours of the text that is seen and of what is behind it, by what the browser paints.
FAINT = """() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const paint = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((all, each, index) => all + each * [0.2126, 0.7152, 0.0722][index], 0);
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility()) continue;
    if (element.closest('.sr, .skip, svg, :disabled')) continue;
    const behind = [];
    for (let each = element; each; each = each.parentElement)
      behind.unshift(getComputedStyle(each).backgroundColor);
    const style = getComputedStyle(element);
    const [text, ground] = [light(paint([...behind, style.color])), light(paint(behind))];
    const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (ratio < 4.5)
      faint.push(`faint ${ratio.toFixed(2)} ${element.className} ${element.textContent}`);
  }
  return faint;
}"""

# Text that leaves the page, its card or its picture, or lies on other text of the picture.
CUT_OFF = """() => {
  const faults = [], kind = (element) => element.className.baseVal ?? element.className;
  const say = (what, element) => faults.push(`${what}: ${kind(element)} ${element.textContent}`);
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) faults.push('wide: the page itself');
  const inside = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1
    && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
  const drawn = new Map();
  for (const element of document.querySelectorAll('body *')) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    if (!texts.length || !element.checkVisibility({visibilityProperty: true})) continue;
    if (element.closest('.sr, .skip, thead, title, select, .words, .scroll')) continue;
    const range = document.createRange();
    range.setStartBefore(texts[0]);
    range.setEndAfter(texts.at(-1));
    const box = range.getBoundingClientRect();
    if (box.left < -1 || box.right > width + 1) say('beside the page', element);
    const card = element.closest('.card, header, dialog');
    if (card && !inside(box, card.getBoundingClientRect())) say('outside its card', element);
    const svg = element.closest('svg');
    if (!svg) continue;
    if (!inside(box, svg.getBoundingClientRect())) say('outside its picture', element);
    drawn.set(svg, [...(drawn.get(svg) ?? []), [element, box]]);
  }
  for (const texts of drawn.values())
    texts.forEach(([one, a], index) => texts.slice(index + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 4) say(`lies on "${other.textContent}"`, one);
    }));
  const cards = [...document.querySelectorAll('main > .card')].filter((each) => !each.hidden)
    .map((each) => [each, each.getBoundingClientRect()]);
  cards.forEach(([one, a], index) => cards.slice(index + 1).forEach(([, b]) => {
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0) say('cards overlap', one);
  }));
  return faults;
}"""

# What a screen reader or a keyboard misses; the rules are those of WCAG 2.2, by hand.
UNFIT = """() => {
  const faults = [];
  const say = (what, element) => faults.push(`${what}: ${element.outerHTML.slice(0, 90)}`);
  const seen = (element) => element.checkVisibility({visibilityProperty: true});
  const named = (element) => element.getAttribute('aria-label')?.trim()
    || (element.getAttribute('aria-labelledby') ?? '').split(' ')
      .some((id) => id && document.getElementById(id)?.textContent.trim())
    || [...(element.labels ?? [])].some((label) => label.textContent.trim())
    || (!element.matches('input, select, table, dialog') && element.textContent.trim());
  const ids = [...document.querySelectorAll('[id]')].map((each) => each.id);
  if (new Set(ids).size !== ids.length) faults.push('an id twice');
  const stops = 'button, a, input, select, summary, [tabindex="0"]';
  for (const each of document.querySelectorAll(stops)) {
    if (!seen(each)) continue;
    if (!named(each)) say('without a name', each);
    const box = each.getBoundingClientRect();
    if (!each.matches('.skip, input[type=checkbox]') && box.height < 24) say('too small', each);
    if (each.tabIndex > 0) say('out of order', each);
  }
  for (const each of document.querySelectorAll('[role=region], [role=img], dialog[open], section'))
    if (seen(each) && !named(each)) say('without a name', each);
  for (const each of document.querySelectorAll('img')) if (each.alt === null) say('no alt', each);
  for (const each of document.querySelectorAll('svg'))
    if (!each.matches('[role=img], [aria-hidden]')) say('a picture that is none', each);
  for (const each of document.querySelectorAll('thead th')) if (!each.scope) say('no scope', each);
  for (const each of document.querySelectorAll('[tabindex="0"] [tabindex="0"].scroll'))
    say('a stop within a stop', each);
  for (const each of document.querySelectorAll('main *')) {
    const style = getComputedStyle(each);
    if (/auto|scroll/.test(style.overflowX + style.overflowY) && each.tabIndex < 0 && seen(each)
      && (each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1))
      say('scrolls, but not by keyboard', each);
  }
  let level = 0;
  for (const each of document.querySelectorAll('h1, h2, h3, h4')) {
    if (!seen(each)) continue;
    if (Number(each.tagName[1]) > level + 1) say('a heading too deep', each);
    level = Number(each.tagName[1]);
  }
  if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
  if (!/^(en|zh)/.test(document.documentElement.lang)) faults.push('no language');
  if (!document.querySelector('[role=alert]') || !document.querySelector('[aria-live=polite]'))
    faults.push('nothing is read out');
  return faults;
}"""

# Of a screenshot: how light the ground is, and the share of each box that differs from its corner.
PIXELS = """async ({shot, boxes}) => {
  const bytes = Uint8Array.from(atob(shot), (each) => each.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(picture, 0, 0);
  const ground = context.getImageData(2, picture.height - 2, 1, 1).data;
  const inked = {};
  for (const [name, [x, y, width, height]] of Object.entries(boxes)) {
    const pixels = context.getImageData(x, y, Math.max(width, 1), Math.max(height, 1)).data;
    let count = 0;
    for (let at = 0; at < pixels.length; at += 4) {
      const away = [0, 1, 2].map((each) => Math.abs(pixels[at + each] - pixels[each]));
      if (Math.max(...away) > 60) count += 1;
    }
    inked[name] = count / (pixels.length / 4);
  }
  return {width: picture.width, ground: (ground[0] + ground[1] + ground[2]) / 3, inked};
}"""
BOXES = """(parts) => {
  const boxes = {}, add = (name, element) => {
    const box = element.getBoundingClientRect();
    boxes[name] = [box.x + scrollX, box.y + scrollY, box.width, box.height].map(Math.round);
  };
  for (const part of parts) add(part, document.getElementById(part));
  document.querySelectorAll('.tier-value').forEach((each, index) => add(`figure ${index}`, each));
  return boxes;
}"""

# Each breaks the page as a careless change might, and the fault that has to be seen then.
BROKEN = {
    "#ladder svg { opacity: 0 }": "blank: ladder",
    "#calendar { visibility: hidden }": "blank: calendar",
    "main { width: 2000px; max-width: none }": "wide: the page itself",
    ".tier-value { transform: translateX(-60px) }": "lies on",
    "#endpoints-h { position: relative; top: -40px }": "outside its card",
    ".card { width: 360px; height: 90px }": "outside its card",
    ".soft { color: var(--line) }": "faint",
    "body { background: white }": "ground: 255 is not dark",
}
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return element !== document.body && {ring,
    name: element.id || element.dataset.t || element.dataset.key || element.textContent};
}"""


def faults_of(tab: Tab, *, scheme: str, width: int, path: Path) -> list[str]:
    """Everything that is wrong with how it looks; path: where the screenshot is kept."""
    shot = tab.page.screenshot(path=path, full_page=True)
    boxes: dict[str, list[int]] = tab.page.evaluate(BOXES, PARTS)
    seen: dict[str, Any] = tab.page.evaluate(
        PIXELS, {"shot": base64.b64encode(shot).decode(), "boxes": boxes}
    )
    faults = [*tab.look(CUT_OFF), *tab.look(FAINT)]
    if seen["width"] != width:
        faults.append(f"wide: {seen['width']} instead of {width}")
    if (seen["ground"] > 128) != (scheme == "light"):
        faults.append(f"ground: {seen['ground']:.0f} is not {scheme}")
    faults += [f"blank: {name}" for name, ink in seen["inked"].items() if ink < 0.002]
    if sum(name.startswith("figure") for name in boxes) != 10:
        faults.append("blank: the ladder has no figures")
    return faults


def stops_of(tab: Tab) -> list[dict[str, Any]]:
    """Where the key Tab leads, to the end of the page."""
    stops: list[dict[str, Any]] = []
    while len(stops) < 200:
        tab.page.keyboard.press("Tab")
        if not (stop := tab.look(FOCUSED)):
            break
        stops.append(stop)
    return stops
