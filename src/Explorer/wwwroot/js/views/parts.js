// What several views show in the same way.
import { h } from '../dom.js';
import { number, plural, levelName } from '../format.js';

/** A link to the story of an event. */
export const eventLink = (app, ordinal, run, entry, tabindex) =>
  h('a.event', { tabindex, href: app.href('why', { at: ordinal, ...(run ? { run } : {}), ...entry }), title: 'Why: the story of this event' }, number(ordinal));

/** A link to a table at an event. */
export const tableLink = (app, table, idx, parameters = {}) =>
  h('a.mono', { href: app.href('tables', { ...parameters }), title: 'The tables at this event' }, `T${table}`, idx === undefined ? '' : `[${idx}]`);

export const gfnLink = (app, gfn) => gfn === null || gfn === undefined ? '' :
  h('a.mono', { href: app.href('memory', { gfn }), title: 'All that changed this frame' }, gfn);

export const kindBadge = kind => h('span.kind', { class: `k-${kind}` }, kind);

/** Rights as letters, those that are missing dimmed. */
export const rights = (text, before) => !text ? '' : h('span.rights.mono', [...text].map((letter, i) =>
  h('span', { class: letter === '-' ? 'no' : before !== undefined && before !== null && before[i] !== letter ? 'new' : 'yes' }, letter)));

/** What a write changed: kinds and rights before and after. */
export function change(write) {
  const same = write.oldKind === write.newKind;
  return h('span.change', !same && [kindBadge(write.oldKind), h('span.arrow', '→')], kindBadge(write.newKind), same && write.oldRights && write.oldRights !== write.newRights && [rights(write.oldRights), h('span.arrow', '→')], rights(write.newRights, same ? write.oldRights : undefined));
}

export const value = text => text === null || text === undefined ? h('span.dim', '?') : text === '0x0' ? h('span.mono.dim', '0') : h('span.mono', text);

/** A chain of functions, the one that acts last and strong; what it shares with the chain before is dimmed. */
export function chain(text, before) {
  if (!text) return '';
  const names = text.split(' > ');
  const earlier = before?.split(' > ') ?? [];
  const shared = names.findIndex((name, i) => earlier[i] !== name);
  return h('span.chain.mono', { title: text }, names.map((name, i) => [i > 0 && h('span.dim', ' › '), i === names.length - 1 ? h('b', name) : i < shared || shared < 0 ? h('span.same', name) : name]));
}

export const chips = words => words.length ? h('span.chips', words.map(word => h('span.chip', word))) : '';

export const empty = (text, ...more) => h('p.empty', text, ...more);

/** What an event did, in a few words. */
export function eventWords(event) {
  const words = [];
  if (event.exits.length) words.push(h('span.exit', counted(event.exits)));
  if (event.outcomes.length) words.push(h('span.dim', counted(event.outcomes)));
  if (event.writes) words.push(h('span', plural(event.writes, 'write'), ' ', h('span.dim', event.lowestLevel === event.highestLevel ? levelName(event.lowestLevel) : `${levelName(event.lowestLevel)}–${levelName(event.highestLevel)}`), event.function ? h('span.mono.dim', ` ${event.function}`) : ''));
  if (event.pagesMade) words.push(h('span.made', `+${plural(event.pagesMade, 'table')}`));
  if (event.pagesZapped) words.push(h('span.zapped', `−${plural(event.pagesZapped, 'table')}`));
  if (event.roots.length) words.push(h('span.dim', `root ${counted(event.roots)}`));
  if (event.flushes) words.push(h('span.dim', plural(event.flushes, 'flush', 'flushes')));
  if (event.guestFaults) words.push(h('span.guest', '#PF to the guest'));
  return words.map((word, i) => [i > 0 && h('span.dim', ' · '), word]);
}

function counted(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => count > 1 ? `${name} ×${count}` : name).join(', ');
}

/** The guest's access of an event in a few words. */
export const accessWords = event => event.access ? [h('span.access', { class: event.access }, event.access), ' ', h('span.mono', event.gva), event.gpa && event.gpa !== event.gva ? h('span.mono.dim', ` → ${event.gpa}`) : ''] : h('span.dim', 'no access');

/** Writes to an entry, or to those of a frame, in order: a key leads into them, and from each to its story. */
export const historyList = (kind, rows) => walkable(h('div.history', { class: kind }, rows));

export const historyRow = (app, story, look, ...cells) =>
  h('div.row', { tabindex: -1, class: look, onclick: event => event.target.closest('a') || app.go('why', story) }, cells);

/** To what is so by now: at the cursor, or the newest up to it. Of a frame, writes stand in their order; of an entry, the newest first. */
export function focusHistory(side) {
  const rows = [...side.querySelectorAll('.history .row:not(.later)')];
  const now = side.querySelector('.history .here') ?? (side.querySelector('.history.frames') ? rows.at(-1) : rows[0]) ?? side.querySelector('.history .row');
  now?.focus();
}

/** Rows that the keyboard can walk: j and k stay the steps of the cursor, arrows move in the list. */
export function walkable(list) {
  list.addEventListener('keydown', event => {
    const rows = [...list.querySelectorAll('[tabindex]:not(a)')];
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -rows.length, End: rows.length }[event.key];
    const at = rows.indexOf(document.activeElement);
    if (move && at >= 0) {
      event.preventDefault();
      rows[Math.max(0, Math.min(rows.length - 1, at + move))].focus();
    } else if (event.key === 'Enter' && at >= 0) {
      event.preventDefault();
      rows[at].click();
    }
  });
  return list;
}
