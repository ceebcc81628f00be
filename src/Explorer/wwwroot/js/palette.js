// One box for whatever one knows: a number, an address, a word.
import { h, replace } from './dom.js';
import { get } from './api.js';
import { number, hex } from './format.js';

let queries = null;

export async function openPalette(app) {
  const list = h('ul.found', { role: 'listbox', id: 'found' });
  const input = h('input', { type: 'text', placeholder: 'Address 0x…, event number, gfn 0x…, T9[258], a function, a query, a view', 'aria-label': 'Find', 'aria-controls': 'found', role: 'combobox', 'aria-expanded': 'true', oninput: () => draw(), onkeydown: event => key(event), spellcheck: 'false', autocomplete: 'off' });
  const dialog = h('dialog.palette', { 'aria-label': 'Find', onclose: () => dialog.remove() }, input, list);
  let choices = [];
  let chosen = 0;
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  draw();
  queries ??= (await get('queries').catch(() => ({ queries: [] }))).queries;
  draw();

  function draw() {
    choices = find(app, input.value.trim(), queries ?? []);
    chosen = 0;
    redraw();
  }

  function redraw() {
    replace(list, choices.map((choice, i) => h('li', { role: 'option', 'aria-selected': i === chosen ? 'true' : 'false', onclick: () => take(choice) }, h('b', choice.title), h('span.dim', choice.about))));
    if (!choices.length) list.append(h('li.dim', 'Nothing by that name.'));
    list.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }

  function key(event) {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && choices.length) {
      event.preventDefault();
      chosen = (chosen + move + choices.length) % choices.length;
      redraw();
    } else if (event.key === 'Enter' && choices[chosen]) {
      event.preventDefault();
      take(choices[chosen]);
    }
  }

  async function take(choice) {
    dialog.close();
    const { view, parameters } = choice;
    // The way to an entry goes along with it, where its table says which that is.
    const { address } = parameters.table === undefined ? {} : await get('entry', { run: app.parameters.run, at: app.parameters.at, ...parameters }).catch(() => ({}));
    app.go(view, address ? { ...parameters, gpa: address, gva: null, root: null } : parameters);
  }
}

function find(app, text, queries) {
  const choices = [];
  const [, named = '', rest] = /^(?:(gfn|gpa|gva|event)\b\s*[=:]?\s*)?(.*)$/i.exec(text);
  const kind = named.toLowerCase();
  const entry = /^(?:t|table)?\s*(\d+)\s*(?:\[\s*(\d+)\s*\])?$/i.exec(text);
  if (entry && (entry[2] !== undefined || /^t/i.test(text))) {
    const [, table, idx = 0] = entry;
    if (idx > 511) return [];
    return [{ title: `T${table}[${idx}]`, about: 'the entry at the cursor, and its history', view: 'tables', parameters: { table, idx } }];
  }
  const bits = parse(rest, kind !== '' && kind !== 'event');
  const isGfn = kind === 'gfn';
  if (bits !== null && (kind === '' || kind === 'event') && !/^0x/i.test(rest) && bits <= BigInt(app.run().last)) {
    choices.push({ title: `Event ${number(Number(bits))}`, about: 'why: what it led to', view: 'why', parameters: { at: Number(bits) } });
    choices.push({ title: `Event ${number(Number(bits))} on the timeline`, about: 'and the events around it', view: 'timeline', parameters: { at: Number(bits) } });
  }
  if (bits !== null && kind !== 'event') {
    const gpa = isGfn ? bits << 12n : bits;
    const isKernel = BigInt.asUintN(64, gpa) >> 47n !== 0n;
    if (!isKernel && kind !== 'gva') {
      choices.push({ title: `What changed ${isGfn ? `gfn ${hex(bits)}` : `the page of gpa ${hex(gpa)}`}`, about: 'every write to entries that translate it, with the access that caused it', view: 'memory', parameters: { gfn: hex(gpa >> 12n) } });
      choices.push({ title: `Tables for gpa ${hex(gpa)}`, about: 'the walk at the cursor', view: 'tables', parameters: { gpa: hex(gpa), gva: null, root: null } });
    }
    if (!isGfn && kind !== 'gpa') choices.push({ title: `Tables for gva ${hex(bits)}`, about: 'the walk at the cursor', view: 'tables', parameters: { gva: hex(bits), gpa: null, root: null } });
    if (!isGfn && kind !== 'gpa') choices.push({ title: `Everything that happened for gva ${hex(bits)}`, about: '@why-gva', view: 'queries', parameters: { q: 'why-gva', 'p.gva': hex(bits) } });
  }
  const word = text.toLowerCase();
  const matches = candidate => word === '' || candidate.toLowerCase().includes(word);
  if (bits === null) {
    for (const [name, view] of Object.entries(app.views)) if (matches(view.title)) choices.push({ title: view.title, about: view.about, view: name, parameters: {} });
    if (/^[a-z_0-9]{4,}$/i.test(text) && text.includes('_')) choices.push({ title: `Writes by ${text}`, about: 'how many, at which level, when first and last', view: 'queries', parameters: { q: null, sql: `select r.name as run, s.level, s.function, s.old_kind, s.new_kind, sum(s.writes) as writes, min(s.first_ordinal) as first_ordinal, max(s.last_ordinal) as last_ordinal\nfrom write_summary s join run r on r.run = s.run\nwhere s.function = '${text}'\ngroup by s.run, s.level, s.old_kind, s.new_kind\norder by s.run, s.level desc` } });
    for (const query of queries) if (word !== '' && matches(`@${query.name} ${query.title}`)) choices.push({ title: query.title, about: `@${query.name}`, view: 'queries', parameters: { q: query.name } });
  }
  return choices.slice(0, 12);
}

/** A number; behind the name of an address one with letters is hexadecimal, as traces write it. */
function parse(text, isAddress) {
  if (/^0x[0-9a-f]+$/i.test(text)) return BigInt(text);
  if (isAddress && /^[0-9a-f]*[a-f][0-9a-f]*$/i.test(text)) return BigInt(`0x${text}`);
  if (/^[\d,_]+$/.test(text) && /\d/.test(text)) return BigInt(text.replaceAll(/[,_]/g, ''));
  return null;
}
