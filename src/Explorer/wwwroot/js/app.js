// The shell: what is in the address, the bar, keys, and the view in hand. A view is { title, keys, mount(element, app) } and what mount
// returns is { update(), keys(event), dispose() }; all that a view shows is in the address, so update() is all there is to navigation.
import { h, replace, isTyping } from './dom.js';
import { get, address, Problem } from './api.js';
import { number, plural } from './format.js';
import { openHelp } from './help.js';
import { openPalette } from './palette.js';
import { timeline } from './views/timeline.js';
import { tables } from './views/tables.js';
import { why } from './views/why.js';
import { memory } from './views/memory.js';
import { queries } from './views/queries.js';
import { compare } from './views/compare.js';

const views = { timeline, tables, why, memory, queries, compare };
const order = Object.keys(views);
/** Parameters that go along from view to view; others belong to one view. */
const shared = ['run', 'vs', 'at', 'vcpu'];
const stateEvery = 3000;
/** Of the events at which runs part, so many are looked through for another reason, a page at a time. */
const most = 5000;
const page = 100;

class App {
  views = views;
  parameters = {};
  name = 'timeline';
  view = null;
  playing = null;
  steps = [];
  stepping = null;
  parting = Promise.resolve();
  unknown = [];

  async start() {
    this.bar = document.getElementById('bar');
    this.main = document.getElementById('view');
    this.notices = document.getElementById('notices');
    this.nonce = document.body.nonce || document.body.dataset.nonce;
    setTheme(localStorage.getItem('theme'));
    addEventListener('popstate', () => this.show());
    addEventListener('keydown', event => this.key(event));
    document.addEventListener('click', event => this.click(event));
    try {
      await this.load();
      this.show();
    } catch (error) {
      this.fail(error);
    }
    setInterval(() => this.watch(), stateEvery);
  }

  async load() {
    this.info = await get('runs');
    this.runs = this.info.databases.flatMap(database => database.runs);
    const stamps = this.info.databases.map(database => database.stamp).join();
    this.stamps = stamps;
    for (const database of this.info.databases) for (const warning of database.warnings) this.notice(warning, 'warning');
  }

  run(key = this.parameters.run) {
    return this.runs.find(run => run.key === key) ?? this.runs[0];
  }

  get other() {
    return this.parameters.vs ? this.runs.find(run => run.key === this.parameters.vs) : null;
  }

  get at() {
    return this.parameters.at === undefined ? null : Number(this.parameters.at);
  }

  /** The address of a view with the shared parameters as they are and some as given. */
  href(name, patch = {}) {
    const parameters = {};
    for (const key of shared) parameters[key] = this.parameters[key];
    if (name === this.name) Object.assign(parameters, this.parameters);
    const wanted = { ...parameters, ...patch };
    // A run stands beside another, not beside itself: who goes to the one beside takes the first along.
    if (wanted.vs && wanted.vs === wanted.run) wanted.vs = wanted.run === this.run().key ? null : this.run().key;
    return address(name, wanted);
  }

  go(name, patch = {}, { replaces = false } = {}) {
    const target = this.href(name, patch);
    if (target === location.pathname + location.search) return;
    history[replaces ? 'replaceState' : 'pushState'](null, '', target);
    this.show();
  }

  /** Changes parameters of the view in hand. */
  patch(patch, options) {
    // The numbers of tables are those of a run.
    this.go(this.name, patch.run !== undefined && patch.run !== this.run().key ? { table: null, idx: null, root: null, of: null, ...patch } : patch, options);
  }

  show() {
    const name = location.pathname.slice(1) || 'timeline';
    this.parameters = Object.fromEntries(new URLSearchParams(location.search));
    if (!this.runs.length) return this.fail(new Problem('There is no run in this database yet. Make one with replay run.', 404));
    this.checkRuns();
    for (const hint of this.notices.querySelectorAll('.hint')) hint.remove();
    if (name !== this.name || !this.view) {
      this.view?.dispose?.();
      this.name = name in views ? name : 'timeline';
      replace(this.main);
      this.main.className = this.name;
      this.view = views[this.name].mount(this.main, this);
    }
    this.drawBar();
    document.title = `${views[this.name].title} · ${this.run().key}${this.at === null ? '' : ` · event ${number(this.at)}`} · Replay`;
    this.shown = Promise.resolve(this.view.update()).then(() => this.main.removeAttribute('aria-busy'), error => this.fail(error));
  }

  /** A run that an address names and that is not here is told, and the first stands in for it. */
  checkRuns() {
    for (const notice of this.unknown) notice.remove();
    this.unknown = [];
    const { at } = this.parameters;
    if (at !== undefined && !Number.isFinite(Number(at))) {
      delete this.parameters.at;
      this.unknown.push(this.notice(`at=${at} is no event: it is a number.`, 'warning'));
    }
    for (const name of ['run', 'vs']) {
      const key = this.parameters[name];
      if (!key || this.runs.some(run => run.key === key)) continue;
      delete this.parameters[name];
      this.unknown.push(this.notice(`There is no run ${key} here: ${name === 'run' ? `${this.run().key} is shown` : 'none is shown beside'}. There are ${this.runs.map(run => run.key).join(', ')}.`, 'warning'));
    }
    const { key, first, last } = this.run();
    if (this.at !== null && (this.at < first || this.at > last)) this.unknown.push(this.notice(`${key} has the events ${number(first)} to ${number(last)}: ${number(this.at)} is none of them.`, 'warning'));
  }

  /** The bar is made anew where the view or a run of it is another; an event more or less changes links and a number. */
  drawBar() {
    const look = JSON.stringify([this.name, this.parameters.run, this.parameters.vs, this.runs.map(run => [run.key, run.caveat])]);
    if (look !== this.bar.dataset.look) {
      this.bar.dataset.look = look;
      this.makeBar();
    }
    const twin = (location.pathname === '/' ? '/timeline' : location.pathname) + '.json' + location.search;
    const hrefs = [this.href('timeline', { from: null, to: null }), ...order.map(name => this.href(name)), twin];
    this.bar.querySelectorAll('a').forEach((link, i) => link.setAttribute('href', hrefs[i]));
    document.getElementById('at').value = this.at === null ? '' : number(this.at);
  }

  makeBar() {
    const focused = document.activeElement?.id;
    replace(
      this.bar,
      h('a.brand', { title: 'Replay: the whole run' }, h('img', { src: '/icon.svg', alt: '', width: 20, height: 20 }), 'Replay'),
      h('nav.tabs', { 'aria-label': 'Views' }, order.map((name, i) => h('a', { 'aria-current': name === this.name ? 'page' : null, title: `${views[name].about} (${i + 1})` }, views[name].title))),
      h('div.pickers',
        this.picker('run', 'Run', this.run().key, false),
        this.picker('vs', 'beside', this.parameters.vs ?? '', true),
        h('span.stepper',
          h('button', { onclick: () => this.step(-1), title: 'Event before (k)', 'aria-label': 'Event before' }, '‹'),
          h('input', { id: 'at', type: 'text', inputmode: 'numeric', placeholder: 'event', 'aria-label': 'Event', title: 'Go to an event (g)', size: 11, onchange: event => this.enter(event.target.value) }),
          h('button', { onclick: () => this.step(1), title: 'Next event (j)', 'aria-label': 'Next event' }, '›')),
        h('button', { onclick: () => openPalette(this), title: 'Find an address, an event, a query (/)' }, 'Find ', h('kbd', '/')),
        h('a.button.twin', { title: 'This page as JSON', 'data-plain': true }, '.json'),
        h('button', { onclick: toggleTheme, title: 'Light or dark (D)', 'aria-label': 'Light or dark' }, '◐'),
        h('button', { onclick: () => openHelp(this), title: 'Keys (?)', 'aria-label': 'Keys' }, '?')));
    if (focused) document.getElementById(focused)?.focus();
  }

  picker(parameter, label, value, isOptional) {
    const choices = isOptional ? this.runs.filter(run => run.key !== this.run().key) : this.runs;
    return h('label.pick', { class: parameter === 'run' ? 'a' : 'b' }, h('span', label),
      h('select', { id: `pick-${parameter}`, onchange: event => this.patch({ [parameter]: event.target.value || null }) },
        isOptional && h('option', { value: '' }, 'none'),
        choices.map(run => h('option', { value: run.key, selected: run.key === value, title: run.caveat ?? null }, run.key))),
      this.caveatOf(value));
  }

  /** What no machine has confirmed says so beside its name. */
  caveatOf(key) {
    const run = this.runs.find(known => known.key === key);
    return run?.caveat && h('span.dim', { title: `${run.mode} of Linux ${run.kernel}: ${run.caveat}` }, ' from source');
  }

  enter(text) {
    const ordinal = Number(text.replaceAll(/[,\s_]/g, ''));
    document.activeElement?.blur();
    const { first, last } = this.run();
    if (Number.isFinite(ordinal) && text.trim() && ordinal >= first && ordinal <= last) return this.goTo(Math.round(ordinal));
    if (text.trim()) this.notice(`“${text.trim()}” is no event of ${this.run().key}: they go from ${number(first)} to ${number(last)}.`, 'hint');
    this.drawBar();
  }

  /** Moves the cursor; a view that shows a part of the run goes along. */
  goTo(ordinal, options) {
    this.patch({ at: ordinal, ...this.view?.follow?.(ordinal) }, options);
  }

  /** Where steps begin while there is no cursor: at the edge of what is shown. */
  edge(times) {
    return this.view?.edge?.(times) ?? (times > 0 ? this.run().first - 1 : this.run().last + 1);
  }

  /** To the next events that changed tables, or back. Keys that come while a step is under way are counted, and become one jump. */
  step(times, kind = 'write') {
    const last = this.steps.at(-1);
    if (last?.kind === kind) last.times += times;
    else this.steps.push({ times, kind });
    return this.stepping ??= this.walk().finally(() => { this.stepping = null; });
  }

  async walk() {
    let ordinal = null;
    while (this.steps.length) {
      const { times, kind } = this.steps.shift();
      if (times === 0) continue;
      ordinal = await this.jump(times, kind);
      await this.shown;
    }
    return ordinal;
  }

  async jump(times, kind) {
    const at = this.at ?? (this.playing && this.name !== 'timeline' ? this.run().first - 1 : this.edge(times));
    try {
      const { ordinal } = await get('step', { run: this.parameters.run, vs: this.parameters.vs, at, to: times > 0 ? 'next' : 'previous', times: Math.abs(times), kind });
      if (ordinal === undefined || ordinal === null) this.notice(times > 0 ? 'There is no event behind this one.' : 'There is no event before this one.', 'hint');
      else this.goTo(ordinal, { replaces: true });
      return ordinal;
    } catch (error) {
      this.fail(error);
      return null;
    }
  }

  play() {
    if (this.playing) return this.pause();
    const tick = async () => {
      if (!this.playing) return;
      const ordinal = await this.step(1);
      // At the end, or where the explorer does not answer, there is nothing more to play; who stopped it meanwhile has stopped it.
      if (ordinal === undefined || ordinal === null) return this.pause();
      if (this.playing) this.playing = setTimeout(tick, 250);
    };
    this.playing = setTimeout(tick, 0);
    this.tellPlaying();
  }

  pause() {
    clearTimeout(this.playing);
    this.playing = null;
    this.tellPlaying();
  }

  tellPlaying() {
    document.body.classList.toggle('playing', Boolean(this.playing));
    for (const button of document.querySelectorAll('[data-play]')) button.textContent = this.playing ? 'pause' : 'play';
  }

  key(event) {
    if (event.key === 'Escape' && this.playing) this.pause();
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (isTyping(event.target)) {
      if (event.key === 'Escape') event.target.blur();
      return;
    }
    if (this.view?.keys?.(event)) return event.preventDefault();
    const actions = {
      '?': () => openHelp(this),
      '/': () => openPalette(this),
      i: () => this.main.querySelector('input[type="text"], input[type="search"]')?.focus(),
      g: () => { const input = document.getElementById('at'); input.focus(); input.select(); },
      j: () => this.step(1),
      k: () => this.step(-1),
      J: () => this.step(10),
      K: () => this.step(-10),
      e: () => this.step(1, 'exit'),
      E: () => this.step(-1, 'exit'),
      ' ': () => this.play(),
      D: toggleTheme,
      s: () => this.parameters.vs && this.patch({ run: this.parameters.vs, vs: this.run().key }),
      r: () => this.cycle('run'),
      b: () => this.cycle('vs'),
      n: () => this.divergence(),
      N: () => this.divergence(true),
      Enter: () => event.target === document.body || event.target === this.main ? this.name !== 'why' && this.go('why') : null,
    };
    const view = order[Number(event.key) - 1];
    const action = view ? () => this.go(view) : actions[event.key];
    if (!action || (event.key === 'Enter' && event.target !== document.body && event.target !== this.main)) return;
    if (event.key === ' ' && (event.target.closest?.('button, a') || !(this.playing || this.view?.plays))) return;
    if (event.key !== ' ' && this.playing) this.pause();
    event.preventDefault();
    action();
  }

  cycle(parameter) {
    const keys = parameter === 'vs' ? ['', ...this.runs.map(run => run.key).filter(key => key !== this.run().key)] : this.runs.map(run => run.key);
    const now = parameter === 'vs' ? this.parameters.vs ?? '' : this.run().key;
    const next = keys[(keys.indexOf(now) + 1) % keys.length];
    this.patch(parameter === 'run' && next === this.parameters.vs ? { run: next, vs: now } : { [parameter]: next || null });
  }

  /** To the next event at which the two runs part. */
  divergence(isOther = false) {
    // One key after the other: each begins where the one before has led.
    this.parting = this.parting.then(() => this.toDivergence(isOther));
  }

  async toDivergence(isOther) {
    if (!this.parameters.vs) return this.notice('Choose a run beside this one first (b).', 'hint');
    try {
      const divergences = isOther ? await this.otherDivergences() : await this.divergences({ count: 1, after: this.before });
      if (divergences.length) this.goTo(divergences[0].ordinal);
      else this.notice(isOther ? `The next ${number(most)} events at which they part do so for the same reason.` : 'From here on both runs do the same.', 'hint');
    } catch (error) {
      this.fail(error);
    }
  }

  get before() {
    return this.at ?? (this.name === 'timeline' ? this.edge(1) : this.run().first - 1);
  }

  /** Those behind the cursor for a reason that is not the one at the cursor, whatever its numbers. */
  async otherDivergences() {
    const shape = divergence => divergence?.ordinal === undefined ? '' : divergence.reason.replaceAll(/(0x)?[0-9a-f]*\d[0-9a-f]*/gi, '#');
    const [here] = await this.divergences({ count: 1, from: this.at ?? this.before + 1 });
    let after = this.before;
    for (let seen = 0; seen < most; seen += page) {
      const divergences = await this.divergences({ count: page, after });
      const others = divergences.filter(divergence => divergence.ordinal !== null && shape(divergence) !== shape(here));
      if (others.length || divergences.length < page) return others;
      after = divergences.at(-1).ordinal;
    }
    return [];
  }

  async divergences(which) {
    return (await get('divergences', { run: this.parameters.run, vs: this.parameters.vs, ...which })).divergences;
  }

  /** Links within the page need no reload. */
  click(event) {
    const link = event.target.closest?.('a[href^="/"]');
    if (!link || link.hasAttribute('data-plain') || link.hasAttribute('download') || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    const target = link.getAttribute('href');
    if (target !== location.pathname + location.search) history.pushState(null, '', target);
    this.show();
  }

  notice(text, kind) {
    const notice = h('p.notice', { class: kind }, h('span', text), h('button', { onclick: () => notice.remove(), 'aria-label': 'Dismiss' }, '×'));
    const before = [...this.notices.children].find(child => child.firstChild.textContent === text);
    if (before) return before;
    this.notices.append(notice);
    if (kind === 'hint') setTimeout(() => notice.remove(), 4000);
    return notice;
  }

  fail(error) {
    if (error.name === 'AbortError') return;
    if (!(error instanceof Problem)) console.error(error);
    this.notice(error.message, 'problem');
    this.main.removeAttribute('aria-busy');
  }

  /** Says so when the files change, vanish, or the explorer is stopped. */
  async watch() {
    if (document.hidden) return;
    try {
      const { databases } = await get('state');
      const missing = databases.filter(database => !database.stamp);
      for (const database of missing) this.notice(`${database.path} is not there any more. What is shown is what was read before.`, 'problem');
      const stamps = databases.map(database => database.stamp).join();
      if (!missing.length && stamps !== this.stamps) {
        replace(this.notices);
        await this.load();
        this.show();
        this.notice('The database has changed: it was read again.', 'hint');
      } else if (this.lost) {
        replace(this.notices);
      }
      this.lost = false;
    } catch (error) {
      this.lost = true;
      this.fail(error);
    }
  }
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

function toggleTheme() {
  const isDark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  setTheme(isDark ? 'light' : 'dark');
  localStorage.setItem('theme', isDark ? 'light' : 'dark');
  dispatchEvent(new Event('themechange'));
}

new App().start();
